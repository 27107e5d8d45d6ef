/* A stand-in for libedgetpu: the two functions LiteRT calls in a delegate library, and those that tell what is there.
 *
 * It takes every operator named 'edgetpu-custom-op', as libedgetpu does, and gives each output the bytes of the first
 * input. Structures: tflite/core/c/common.h of google-ai-edge/LiteRT, as far as they are touched; edgetpu_device:
 * tflite/public/edgetpu_c.h of google-coral/libedgetpu.
 *
 *   -DDEVICES=n    devices on USB that it sees (1); with none, no delegate is made
 *   -DRUNTIME=n    its runtime version (14)
 *   -DREFUSES      as an old release meets a model for a newer runtime: when the graph is prepared
 *   -DSILENT       without the functions that tell version and devices
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef DEVICES
#define DEVICES 1
#endif
#ifndef RUNTIME
#define RUNTIME 14
#endif
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

typedef struct { int size; int data[]; } Ints;
typedef struct Context Context;
typedef struct Delegate Delegate;

typedef struct {
    int type;
    uint8_t *data;
    Ints *dims;
    struct { float scale; int32_t zero_point; } params;
    int allocation_type;
    size_t bytes;
    const void *allocation;
    const char *name;
    Delegate *delegate;
    int buffer_handle;
    uint8_t data_is_stale, is_variable;
    struct { int type; void *params; } quantization;
    void *sparsity;
    const Ints *dims_signature;
} Tensor;

typedef struct { Ints *inputs, *outputs; } Node;

typedef struct {
    void *(*init)(Context *, const char *, size_t);
    void (*free)(Context *, void *);
    int (*prepare)(Context *, Node *);
    int (*invoke)(Context *, Node *);
    const char *(*profiling_string)(const Context *, const Node *);
    int32_t builtin_code;
    const char *custom_name;
    int version;
    void *registration_external;
    void *async_kernel;
    uint64_t inplace_operator;
} Registration;

struct Context {
    size_t tensors_size;
    int (*get_execution_plan)(Context *, Ints **);
    Tensor *tensors;
    void *impl;
    int (*resize_tensor)(Context *, Tensor *, Ints *);
    void (*report_error)(Context *, const char *, ...);
    int (*add_tensors)(Context *, int, int *);
    int (*get_node_and_registration)(Context *, int, Node **, Registration **);
    int (*replace_nodes)(Context *, Registration, const Ints *, Delegate *);
};

struct Delegate {
    void *data;
    int (*prepare)(Context *, Delegate *);
    void *from_buffer, *to_buffer, *free_buffer;
    int64_t flags;
    void *opaque_builder;
};

static int prepare_node(Context *context, Node *node) {
    (void)node;
#ifdef REFUSES
    context->report_error(context, "Failed to prepare for TPU. Failed precondition: Package requires runtime version "
                                   "(14), which is newer than this runtime version (13).");
    return 1;
#else
    (void)context;
    return 0;
#endif
}

static int invoke_node(Context *context, Node *node) {
    const Tensor *from = &context->tensors[node->inputs->data[0]];
    for (int n = 0; n < node->outputs->size; n++) {
        Tensor *to = &context->tensors[node->outputs->data[n]];
        memcpy(to->data, from->data, to->bytes < from->bytes ? to->bytes : from->bytes);
    }
    return 0;
}

static int prepare_graph(Context *context, Delegate *delegate) {
    Registration ours = {.prepare = prepare_node, .invoke = invoke_node, .version = 1,
                         .custom_name = "EdgeTpuDelegateForCustomOp"};
    struct { int size; int data[1]; } one = {1, {0}};
    Ints *plan;
    if (context->get_execution_plan(context, &plan)) return 1;
    int count = plan->size, *nodes = malloc(sizeof(int) * count); /* replacing changes the plan */
    memcpy(nodes, plan->data, sizeof(int) * count);
    for (int n = 0; n < count; n++) {
        Node *node;
        Registration *found;
        if (context->get_node_and_registration(context, nodes[n], &node, &found)) return 1;
        if (!found->custom_name || strcmp(found->custom_name, "edgetpu-custom-op")) continue;
        one.data[0] = nodes[n];
        if (context->replace_nodes(context, ours, (const Ints *)&one, delegate)) return 1;
    }
    free(nodes);
    return 0;
}

Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
    (void)report; /* libedgetpu does not say why either */
    for (size_t n = 0; n < count; n++)
        if (!strcmp(keys[n], "device") && strcmp(values[n], "usb") && strcmp(values[n], "usb:0")) return NULL;
    if (!DEVICES) return NULL;
    Delegate *made = calloc(1, sizeof *made);
    made->prepare = prepare_graph;
    made->flags = 1; /* takes dynamic tensors: LiteRT then asks it before it prepares the nodes itself */
    return made;
}

void tflite_plugin_destroy_delegate(Delegate *delegate) { free(delegate); }

#ifndef SILENT
struct edgetpu_device { int type; const char *path; };

struct edgetpu_device *edgetpu_list_devices(size_t *count) {
    struct edgetpu_device *found = calloc(DEVICES + 1, sizeof *found);
    for (*count = 0; *count < DEVICES; ++*count) {
        found[*count].type = 1;
        found[*count].path = "/sys/bus/usb/devices/2-1";
    }
    return found;
}

void edgetpu_free_devices(struct edgetpu_device *devices) { free(devices); }

const char *edgetpu_version(void) { return "BuildLabel(N/A), RuntimeVersion(" TEXT(RUNTIME) ")"; }
#endif
