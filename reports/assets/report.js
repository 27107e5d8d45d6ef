"use strict";
// Enhances a page that is complete without it: plots, sorting, filters and sliders. It inserts text nodes only, never HTML.
(() => {
  const byId = (id) => document.getElementById(id);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const json = (id) => JSON.parse(byId(id).textContent);
  const cases = json("cases-json");
  const allKeys = cases.map((item) => item.key);
  const state = { shown: new Set(allKeys), fitting: new Set(allKeys) };

  // ---- plots: drawn when they come near the window, in the colours of the page
  const CONFIG = { displaylogo: false, showSendToCloud: false, responsive: true, displayModeBar: false };
  const css = (name) => {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  };
  let colours = null;
  const palette = () => (colours ??= { text: css("--text"), quiet: css("--quiet"), line: css("--line"), card: css("--card") });
  const themed = (layout, narrow) => {
    const { text, quiet, line, card } = palette();
    const axis = (options) => options && { ...options, gridcolor: line, zerolinecolor: line, linecolor: line, tickcolor: line,
      tickfont: { color: quiet, size: 12 }, title: { ...options.title, font: { color: quiet, size: 12.5 } } };
    const yaxis = axis(layout.yaxis);
    if (narrow && yaxis?.ticktext && yaxis.type !== "log") yaxis.showticklabels = false; // names would fill the plot; they are in the table
    return { ...layout, xaxis: axis(layout.xaxis), yaxis, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, color: text, size: 12.5 },
      hoverlabel: { bgcolor: card, bordercolor: line, font: { color: text } }, modebar: { bgcolor: "rgba(0,0,0,0)", color: quiet, activecolor: text } };
  };
  const figures = new Map();
  const masked = (values, isShown) => (Array.isArray(values) ? values.map((value, index) => (isShown[index] ? value : null)) : values);
  const filtered = (trace) => {
    if (trace.meta?.front !== undefined) return frontLine(trace);
    if (trace.meta) return { ...trace, visible: state.shown.has(trace.meta) ? trace.visible ?? true : false };
    if (!trace.customdata) return trace;
    const isShown = trace.customdata.map((key) => state.shown.has(key));
    const opacity = trace.customdata.map((key) => (state.fitting.has(key) ? 0.92 : 0.13));
    return { ...trace, x: masked(trace.x, isShown), y: masked(trace.y, isShown), visible: isShown.some(Boolean),
      marker: trace.marker && { ...trace.marker, opacity } };
  };
  const draw = (canvas) => {
    const inside = byId(canvas.dataset.figure);
    if (figures.has(canvas)) return paint(canvas, "react");
    if (inside) { figures.set(canvas, JSON.parse(inside.textContent)); return paint(canvas, "newPlot"); }
    fetchFigure(canvas);
  };
  const PRINT_HEIGHT = 210;
  const PRINT_WIDTH = 690; // CSS pixels that fit A4 and letter in portrait; plots do not resize for print by themselves
  let isPrinting = false;
  const paint = (canvas, how) => {
    const { data, layout } = figures.get(canvas);
    const printed = canvas.closest(".figures:not(.one)") ? PRINT_WIDTH / 2 - 8 : PRINT_WIDTH; // two stand side by side
    const width = isPrinting ? printed : canvas.clientWidth;
    const size = isPrinting ? { width, height: Math.min(parseInt(canvas.style.height, 10), PRINT_HEIGHT), autosize: false } : {};
    Plotly[how](canvas, structuredClone(data).map(filtered), { ...themed(layout, width < 520), ...size }, CONFIG);
    if (how === "newPlot" && data.some((trace) => trace.meta?.tags)) {
      canvas.on("plotly_afterplot", () => labelFront(canvas)); // also after a change of size
      labelFront(canvas);
    }
  };
  // in a folder each figure is a script beside the page: from file:// a page may load scripts, but not fetch()
  const fetchFigure = (canvas) => {
    const name = canvas.dataset.figure.replace(/-json$/, "");
    if (byId(`load-${name}`)) return;
    const script = Object.assign(document.createElement("script"), { id: `load-${name}`, src: `data/${name}.js` });
    document.head.append(script);
  };
  globalThis.edgebench = { figure: (name, figure) => {
    const canvas = document.querySelector(`[data-figure="${name}-json"]`);
    figures.set(canvas, figure);
    paint(canvas, "newPlot");
  } };
  const redraw = () => { colours = null; for (const canvas of figures.keys()) draw(canvas); };
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) { near.unobserve(target); draw(target); }
  }, { rootMargin: "400px" });

  // ---- the front and the best setting, from the same values as the tables; a value that is not trusted is null
  const candidates = (unit) => cases.filter((item) => item.group === unit && state.shown.has(item.key) && state.fitting.has(item.key) && item.ranked);
  const dominates = (a, b) => a.values.latency_p50_ns <= b.values.latency_p50_ns && a.quality >= b.quality
    && (a.values.latency_p50_ns < b.values.latency_p50_ns || a.quality > b.quality);
  const front = (unit) => { const options = candidates(unit).filter((item) => item.values.latency_p50_ns !== null); return options.filter((item) => !options.some((other) => dominates(other, item))); };
  const frontLine = (trace) => {
    const points = new Map();
    for (const canvas of all("#tradeoff .canvas"))
      for (const other of figures.get(canvas)?.data ?? [])
        (other.customdata ?? []).forEach((key, index) => points.set(key, [other.x[index], other.y[index]]));
    const line = front(trace.meta.front).map((item) => points.get(item.key)).filter(Boolean).sort((a, b) => a[0] - b[0]);
    return { ...trace, x: line.map((point) => point[0]), y: line.map((point) => point[1]) };
  };
  // names beside the points of the front, where they cover no point and no other name: in full, else in short, else not at all
  const pen = document.createElement("canvas").getContext("2d");
  const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const boxAt = (x, y, [dx, dy], width, height) => {
    const left = dx === 0 ? x - width / 2 : dx > 0 ? x + 9 : x - 9 - width;
    const top = dy === 0 ? y - height / 2 : dy > 0 ? y + 9 : y - 9 - height;
    return { left, right: left + width, top, bottom: top + height };
  };
  const SPOTS = [[-1, -1], [1, 1], [0, -1], [1, 0], [-1, 0], [0, 1], [1, -1], [-1, 1]];
  const labelFront = (canvas) => {
    const { xaxis, yaxis, font } = canvas._fullLayout;
    const line = canvas.data.find((trace) => trace.meta?.tags);
    const at = (x, y) => [xaxis.d2p(x), yaxis.d2p(y)];
    const points = canvas.data.filter((trace) => trace.customdata).flatMap((trace) => trace.customdata
      .map((key, index) => ({ key, x: trace.x[index], y: trace.y[index] })).filter((one) => one.x !== null));
    const taken = points.map(({ x, y }) => { const [left, top] = at(x, y); return { left: left - 8, right: left + 8, top: top - 8, bottom: top + 8 }; });
    const onFront = new Set(front(line.meta.front).map((item) => item.key));
    pen.font = `11.5px ${font.family}`;
    const annotations = [];
    for (const { key, x, y } of points.filter((one) => onFront.has(one.key)).sort((a, b) => a.x - b.x)) {
      const [left, top] = at(x, y);
      const isFree = (box) => box.left >= 0 && box.right <= xaxis._length && box.top >= 0 && box.bottom <= yaxis._length && !taken.some((other) => overlap(box, other));
      const options = (line.meta.tags[key] ?? []).filter(Boolean).flatMap((text) => {
        const width = pen.measureText(new DOMParser().parseFromString(text, "text/html").body.textContent).width + 6;
        return SPOTS.map((spot) => ({ text, box: boxAt(left, top, spot, width, 15) }));
      });
      const chosenSpot = options.find(({ box }) => isFree(box));
      if (!chosenSpot) continue;
      const { text, box } = chosenSpot;
      taken.push(box);
      annotations.push({ x: (box.left + box.right) / 2 / xaxis._length, y: 1 - (box.top + box.bottom) / 2 / yaxis._length, xref: "paper", yref: "paper",
        text, showarrow: false, font: { size: 11.5 }, xanchor: "center", yanchor: "middle" });
    }
    const drawn = JSON.stringify(annotations);
    if (canvas.dataset.labels === drawn) return;
    canvas.dataset.labels = drawn;
    Plotly.relayout(canvas, { annotations });
  };
  const sliders = byId("sliders");
  const bound = (input) => JSON.parse(input.dataset.values)[Number(input.value)];
  const isLoose = (input) => Number(input.value) === Number(input.dataset.most === "1" ? input.max : input.min);
  const formatNumber = (number) => String(Number(number.toPrecision(4)));
  const applySliders = () => {
    const inputs = all("input", sliders);
    for (const input of inputs) {
      const text = isLoose(input) ? "any" : `${formatNumber(bound(input) * Number(input.dataset.factor))} ${input.dataset.unit}`;
      input.setAttribute("aria-valuetext", text);
      input.closest("label").querySelector("output").textContent = text;
    }
    const fits = (item) => inputs.every((input) => {
      const value = item.values[input.name];
      return isLoose(input) || (value !== null && (input.dataset.most === "1" ? value <= bound(input) : value >= bound(input)));
    });
    state.fitting = new Set(cases.filter(fits).map((item) => item.key));
    showBest(inputs);
  };
  // an imprecise latency is not ahead of a precise one within its interval, and without an interval of none
  const fastest = (options) => {
    const ordered = options.filter((item) => item.values.latency_p50_ns !== null)
      .sort((a, b) => a.values.latency_p50_ns - b.values.latency_p50_ns || b.quality - a.quality);
    const precise = ordered.find((item) => !item.imprecise);
    const isWithin = precise && ordered[0].imprecise && precise.values.latency_p50_ns <= (ordered[0].worst ?? Infinity);
    return isWithin ? precise : ordered[0];
  };
  const units = [...new Set(cases.map((item) => item.group))]; // pieces of hardware, and tasks beside their main one
  const showBest = (inputs) => {
    const isAccurate = inputs.some((input) => ["top1", "quality"].includes(input.name) && !isLoose(input));
    byId("best").replaceChildren(...units.flatMap((unit, index) => [index ? " " : "", bestOf(unit, isAccurate)]));
  };
  const bestOf = (unit, isAccurate) => {
    const isRanked = (item) => item.ranked && (!isAccurate || item.values.latency_p50_ns !== null);
    const options = candidates(unit).filter(isRanked);
    const most = Math.max(...options.map((item) => item.quality));
    const equals = isAccurate ? options : options.filter((item) => item.quality === most);
    const best = fastest(equals) ?? (isAccurate ? undefined : equals[0]);
    const line = document.createElement("span");
    if (units.length > 1) line.append(`${unit}: `);
    if (!best) { line.append("Nothing fits: relax a limit."); return line; }
    const link = Object.assign(document.createElement("a"), { href: `#${best.key}`, textContent: best.label });
    const considered = cases.filter((item) => isRanked(item) && item.group === unit && state.shown.has(item.key)).length;
    line.append(`${options.length} of ${considered} cases fit. ${isAccurate ? "Fastest" : "Most accurate"}: `, link,
      `, ${best.shown.latency_p50_ns}, ${best.quality_shown}.`);
    return line;
  };

  // ---- filters, stored in the address: #?model=a&runtime=b
  const form = byId("filters");
  const chosen = () => {
    const facets = {};
    for (const input of form ? all("input:checked", form) : []) (facets[input.name] ??= new Set()).add(input.value);
    return facets;
  };
  const passes = (item, facets, except) => Object.entries(facets).every(([name, values]) => name === except || values.has(item.facets[name]));
  const applyFilters = () => {
    const facets = chosen();
    state.shown = new Set(cases.filter((item) => passes(item, facets)).map((item) => item.key));
    for (const input of all("input", form)) {
      const count = cases.filter((item) => item.facets[input.name] === input.value && passes(item, facets, input.name)).length;
      input.disabled = !count && !input.checked;
      input.closest("label").querySelector(".count").textContent = count;
    }
    for (const menu of all("[data-facet]", form)) {
      const number = facets[menu.dataset.facet]?.size ?? 0;
      menu.querySelector(".chosen").textContent = number ? number : "";
    }
    form.querySelector("[type=reset]").hidden = !Object.keys(facets).length;
    byId("filtered").textContent = Object.keys(facets).length ? `${state.shown.size} of ${cases.length} cases` : "";
    for (const element of all("[data-case], details.case")) element.hidden = !state.shown.has(element.dataset.case ?? element.id);
    for (const link of all(".heat td a")) link.closest("td").style.opacity = state.shown.has(link.getAttribute("href").slice(1)) ? "" : 0.15;
    if (sliders) applySliders();
    for (const canvas of figures.keys()) draw(canvas);
  };
  const writeHash = () => {
    const query = new URLSearchParams(all("input:checked", form).map((input) => [input.name, input.value])).toString();
    history.replaceState(null, "", query ? `#?${query}` : location.pathname + location.search);
  };
  const readHash = () => {
    if (location.hash.startsWith("#?") && form) {
      const query = new URLSearchParams(location.hash.slice(2));
      for (const input of all("input", form)) input.checked = query.getAll(input.name).includes(input.value);
      applyFilters();
    } else if (location.hash) reveal(byId(decodeURIComponent(location.hash.slice(1))));
  };
  const reveal = (target) => {
    if (!target) return;
    for (let element = target; element; element = element.parentElement) if (element.tagName === "DETAILS") element.open = true;
    if (!target.matches(".case")) return;
    target.hidden = false;
    target.scrollIntoView();
    target.classList.add("target");
    target.querySelector("summary").focus({ preventScroll: true });
  };

  // ---- sorting: a button in each header, so that the keyboard works too
  const key = (row, index, numeric) => {
    const cell = row.cells[index];
    return numeric ? (cell.dataset.value === undefined ? null : Number(cell.dataset.value)) : cell.textContent.trim();
  };
  const compare = (a, b, sign) => {
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    return sign * (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
  };
  const sortBy = (head) => {
    const table = head.closest("table");
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of all("th", table.tHead)) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows].map((row) => [key(row, head.cellIndex, head.dataset.sort === "number"), row]);
    rows.sort((a, b) => compare(a[0], b[0], down ? -1 : 1));
    table.tBodies[0].append(...rows.map((pair) => pair[1]));
  };
  for (const head of all("th[data-sort]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sortBy(head));
  }

  // ---- theme, copying, printing, menus
  const theme = byId("theme");
  const THEMES = ["Auto", "Light", "Dark"];
  theme.addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(theme.querySelector("span").textContent) + 1) % THEMES.length];
    theme.querySelector("span").textContent = next;
    if (next === "Auto") delete document.documentElement.dataset.theme; else document.documentElement.dataset.theme = next.toLowerCase();
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  for (const button of all(".copy")) button.addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(button.dataset.copy); button.textContent = "Copied"; } catch { button.textContent = "Select the text and copy it"; }
  });
  const printing = () => {
    isPrinting = true;
    for (const canvas of all(".canvas")) if (!figures.has(canvas) && !canvas.closest("details:not([open])")) { near.unobserve(canvas); draw(canvas); }
    redraw();
  };
  addEventListener("beforeprint", printing);
  addEventListener("afterprint", () => { isPrinting = false; redraw(); });
  document.addEventListener("click", (event) => {
    for (const menu of all(".menu[open]")) if (!menu.contains(event.target) || event.target.closest("a")) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && all(".menu[open]")[0];
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
  });

  if (sliders) { sliders.addEventListener("input", () => { applySliders(); for (const canvas of figures.keys()) if (canvas.closest("#tradeoff")) draw(canvas); }); applySliders(); }
  if (form) {
    form.addEventListener("change", () => { writeHash(); applyFilters(); });
    form.addEventListener("reset", () => setTimeout(() => { writeHash(); applyFilters(); }));
    form.addEventListener("submit", (event) => event.preventDefault());
  }
  addEventListener("hashchange", readHash);
  readHash();
  for (const canvas of all(".canvas")) near.observe(canvas);
  document.documentElement.dataset.ready = "";
})();
