"use strict";
// Enhances a page that is complete without it: plots, sorting, filters and sliders. Reads data, writes text nodes only.
(() => {
  const byId = (id) => document.getElementById(id);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const json = (id) => JSON.parse(byId(id).textContent);
  const cases = json("cases-json");
  const caseOf = new Map(cases.map((one) => [one.key, one]));
  const state = { kept: new Set(caseOf.keys()), fitting: new Set(caseOf.keys()) };

  // ---- plots: drawn when they come near the window, coloured from the page's style
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
    const axis = (one) => one && { ...one, gridcolor: line, zerolinecolor: line, linecolor: line, tickcolor: line,
      tickfont: { color: quiet, size: 12 }, title: { ...one.title, font: { color: quiet, size: 12.5 } } };
    const yaxis = axis(layout.yaxis);
    if (narrow && yaxis?.ticktext && yaxis.type !== "log") yaxis.showticklabels = false; // names would take the plot's room: they are in the table
    return { ...layout, xaxis: axis(layout.xaxis), yaxis, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, color: text, size: 12.5 },
      hoverlabel: { bgcolor: card, bordercolor: line, font: { color: text } }, modebar: { bgcolor: "rgba(0,0,0,0)", color: quiet, activecolor: text } };
  };
  const figures = new Map();
  const masked = (values, keep) => (Array.isArray(values) ? values.map((value, index) => (keep[index] ? value : null)) : values);
  const filtered = (trace) => {
    if (trace.meta === "front") return frontLine(trace);
    if (trace.meta) return { ...trace, visible: state.kept.has(trace.meta) ? trace.visible ?? true : false };
    if (!trace.customdata) return trace;
    const keep = trace.customdata.map((key) => state.kept.has(key));
    const opacity = trace.customdata.map((key) => (state.fitting.has(key) ? 0.92 : 0.13));
    return { ...trace, x: masked(trace.x, keep), y: masked(trace.y, keep), visible: keep.some(Boolean),
      marker: trace.marker && { ...trace.marker, opacity } };
  };
  const draw = (canvas) => {
    const inside = byId(canvas.dataset.figure);
    if (figures.has(canvas)) return paint(canvas, "react");
    if (inside) { figures.set(canvas, JSON.parse(inside.textContent)); return paint(canvas, "newPlot"); }
    fetchFigure(canvas);
  };
  const PAPER = 690; // pixels of CSS that fit A4 and letter upright; a plot does not follow when the window becomes paper
  let onPaper = false;
  const paint = (canvas, how) => {
    const { data, layout } = figures.get(canvas);
    const width = onPaper ? PAPER : canvas.clientWidth;
    const size = onPaper ? { width, height: canvas.clientHeight, autosize: false } : {};
    Plotly[how](canvas, structuredClone(data).map(filtered), { ...themed(layout, width < 520), ...size }, CONFIG);
  };
  // in a folder each figure is a script beside the page: file:// lets a page load that, and nothing by fetch()
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

  // ---- the front and the best setting, by the same figures as the page's tables
  const able = () => cases.filter((one) => state.kept.has(one.key) && state.fitting.has(one.key) && one.ranked);
  const beats = (a, b) => a.values.latency_p50_ns <= b.values.latency_p50_ns && a.values.top1 >= b.values.top1
    && (a.values.latency_p50_ns < b.values.latency_p50_ns || a.values.top1 > b.values.top1);
  const front = () => { const some = able(); return some.filter((one) => !some.some((other) => beats(other, one))); };
  const frontLine = (trace) => {
    const points = new Map();
    for (const other of figures.get(byId("tradeoff").querySelector(".canvas")).data)
      (other.customdata ?? []).forEach((key, index) => points.set(key, [other.x[index], other.y[index]]));
    const line = front().map((one) => points.get(one.key)).filter(Boolean).sort((a, b) => a[0] - b[0]);
    return { ...trace, x: line.map((point) => point[0]), y: line.map((point) => point[1]) };
  };
  const sliders = byId("sliders");
  const bound = (input) => JSON.parse(input.dataset.values)[Number(input.value)];
  const loose = (input) => Number(input.value) === Number(input.dataset.most === "1" ? input.max : input.min);
  const short = (number) => String(Number(number.toPrecision(4)));
  const applySliders = () => {
    const inputs = all("input", sliders);
    for (const input of inputs) {
      const text = loose(input) ? "any" : `${short(bound(input) * Number(input.dataset.factor))} ${input.dataset.unit}`;
      input.setAttribute("aria-valuetext", text);
      input.closest("label").querySelector("output").textContent = text;
    }
    const fits = (one) => inputs.every((input) => {
      const value = one.values[input.name];
      return loose(input) || (value !== null && (input.dataset.most === "1" ? value <= bound(input) : value >= bound(input)));
    });
    state.fitting = new Set(cases.filter(fits).map((one) => one.key));
    tellBest(inputs);
  };
  const tellBest = (inputs) => {
    const some = able();
    const accurate = inputs.some((input) => input.name === "top1" && !loose(input));
    const order = accurate ? (a, b) => a.values.latency_p50_ns - b.values.latency_p50_ns || b.values.top1 - a.values.top1
      : (a, b) => b.values.top1 - a.values.top1 || a.values.latency_p50_ns - b.values.latency_p50_ns;
    const best = some.sort(order)[0];
    const place = byId("best");
    place.replaceChildren();
    if (!best) { place.append("Nothing fits: move a bound back."); return; }
    const link = Object.assign(document.createElement("a"), { href: `#${best.key}`, textContent: best.label });
    place.append(`${some.length} of ${cases.filter((one) => one.ranked && state.kept.has(one.key)).length} cases fit. ${accurate ? "Fastest" : "Most accurate"}: `, link,
      `, ${best.shown.latency_p50_ns}, top-1 ${best.shown.top1}.`);
  };

  // ---- filters, kept in the address: #?model=a&runtime=b
  const form = byId("filters");
  const chosen = () => {
    const facets = {};
    for (const input of form ? all("input:checked", form) : []) (facets[input.name] ??= new Set()).add(input.value);
    return facets;
  };
  const passes = (one, facets, except) => Object.entries(facets).every(([name, values]) => name === except || values.has(one.facets[name]));
  const applyFilters = () => {
    const facets = chosen();
    state.kept = new Set(cases.filter((one) => passes(one, facets)).map((one) => one.key));
    for (const input of all("input", form)) {
      const count = cases.filter((one) => one.facets[input.name] === input.value && passes(one, facets, input.name)).length;
      input.disabled = !count && !input.checked;
      input.closest("label").querySelector(".count").textContent = count;
    }
    for (const menu of all("[data-facet]", form)) {
      const number = facets[menu.dataset.facet]?.size ?? 0;
      menu.querySelector(".chosen").textContent = number ? number : "";
    }
    form.querySelector("[type=reset]").hidden = !Object.keys(facets).length;
    byId("filtered").textContent = Object.keys(facets).length ? `${state.kept.size} of ${cases.length} cases` : "";
    for (const place of all("[data-case], details.case")) place.hidden = !state.kept.has(place.dataset.case ?? place.id);
    for (const link of all(".heat td a")) link.closest("td").style.opacity = state.kept.has(link.getAttribute("href").slice(1)) ? "" : 0.15;
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
    } else if (location.hash) arrive(byId(decodeURIComponent(location.hash.slice(1))));
  };
  const arrive = (place) => {
    if (!place) return;
    for (let one = place; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
    if (!place.matches(".case")) return;
    place.hidden = false;
    place.scrollIntoView();
    place.classList.add("target");
    place.querySelector("summary").focus({ preventScroll: true });
  };

  // ---- sorting: a button in each head, so that the keyboard works too
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
    onPaper = true;
    for (const canvas of all(".canvas")) if (!figures.has(canvas) && !canvas.closest("details:not([open])")) { near.unobserve(canvas); draw(canvas); }
    redraw();
  };
  addEventListener("beforeprint", printing);
  addEventListener("afterprint", () => { onPaper = false; redraw(); });
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
