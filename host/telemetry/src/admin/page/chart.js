// A chart of the last two minutes, drawn as SVG, with its values as text.

const SPAN = 120;
const SVG = "http://www.w3.org/2000/svg";
const LEFT = 46;
const BOTTOM = 16;
const TOP = 8;

function svg(name, attributes = {}) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/** The next number above that is 1, 2 or 5 times a power of the base. */
function nice(value, base) {
  const power = base ** Math.floor(Math.log(value) / Math.log(base));
  const steps = base === 10 ? [1, 2, 5, 10] : [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
  return power * steps.find((step) => step * power >= value * 0.9999);
}

export class Chart {
  /**
   * `series` has a name and a class for each line. `scale` is `linear`, `bytes`, `ratio` or `log`.
   * `format` writes a value.
   */
  constructor(figure, { title, series, scale, format }) {
    Object.assign(this, { title, series, scale, format, points: [], cursor: null });
    this.values = document.createElement("p");
    this.values.className = series.length > 1 ? "values several" : "values";
    this.numbers = series.map(({ name, look }) => {
      const label = document.createElement("span");
      label.className = look;
      const number = document.createElement("b");
      label.append(name, number);
      this.values.append(label);
      return number;
    });
    this.note = document.createElement("small");
    this.values.append(this.note);
    this.plot = svg("svg", { class: "plot", role: "img" });
    figure.append(this.values, this.plot);
    new ResizeObserver(() => this.draw()).observe(this.plot);
    this.plot.addEventListener("pointermove", (event) => this.point(event));
    this.plot.addEventListener("pointerleave", () => this.point(null));
  }

  /** Shows points: each has a time in seconds, and a value or null for each line. */
  show(points) {
    this.points = points;
    this.draw();
  }

  point(event) {
    this.cursor = event && event.clientX - this.plot.getBoundingClientRect().left;
    this.draw();
  }

  /** Returns the value at the top of the chart and the one at its bottom. */
  range() {
    const all = this.points.flatMap(({ values }) => values).filter((value) => value !== null);
    const most = Math.max(0, ...all);
    switch (this.scale) {
      case "ratio": return [1, 0];
      case "log": return all.length === 0 ? [1e6, 1e2] : [10 ** Math.ceil(Math.log10(most * 1.001)), 10 ** Math.floor(Math.log10(Math.min(...all)))];
      case "bytes": return [nice(Math.max(most, 1024) * 1.05, 1024), 0];
      default: return [nice(Math.max(most, 1), 10), 0];
    }
  }

  ticks([high, low]) {
    if (this.scale !== "log") return [low, (high + low) / 2, high];
    const powers = Math.round(Math.log10(high / low));
    const step = Math.ceil(powers / 3);
    return Array.from({ length: Math.floor(powers / step) + 1 }, (_, index) => low * 10 ** (index * step));
  }

  draw() {
    const { width, height } = this.plot.getBoundingClientRect();
    if (width === 0) return;
    const range = this.range();
    const floor = height - BOTTOM;
    const at = (value) => {
      const part = this.scale === "log"
        ? Math.log(value / range[1]) / Math.log(range[0] / range[1])
        : (value - range[1]) / (range[0] - range[1]);
      return floor - part * (floor - TOP);
    };
    const end = this.points.at(-1)?.time ?? 0;
    const x = (time) => width - 4 - ((end - time) / SPAN) * (width - 4 - LEFT);
    const parts = [];
    for (const tick of this.ticks(range)) {
      const y = Math.round(at(tick)) + 0.5;
      parts.push(svg("line", { class: "grid", x1: LEFT, x2: width, y1: y, y2: y }));
      parts.push(this.text(LEFT - 6, y + 3.5, "end", this.format(tick)));
    }
    parts.push(this.text(LEFT, height - 3, "start", "2 min ago"), this.text(width, height - 3, "end", "now"));
    this.series.forEach((line, index) => parts.push(...this.line(line, index, x, at, floor)));
    const chosen = this.chosen(x);
    if (chosen && this.cursor !== null) {
      const along = x(chosen.time);
      parts.push(svg("line", { class: "cursor", x1: along, x2: along, y1: TOP, y2: floor }));
    }
    if (chosen) {
      this.series.forEach((line, index) => {
        const value = chosen.values[index];
        if (value === null) return;
        parts.push(svg("circle", { class: `dot ${line.look}`, cx: x(chosen.time), cy: at(value), r: 3 }));
      });
    }
    this.plot.replaceChildren(...parts);
    this.tell(chosen, end);
  }

  text(x, y, anchor, text) {
    const element = svg("text", { x, y, "text-anchor": anchor });
    element.textContent = text;
    return element;
  }

  line({ look }, index, x, at, floor) {
    let path = "";
    let area = "";
    let open = null;
    let last = null;
    const close = () => {
      if (open !== null) area += `L${last},${floor}L${open},${floor}Z`;
      open = null;
    };
    for (const { time, values } of this.points) {
      const value = values[index];
      if (value === null) {
        close();
        continue;
      }
      const along = x(time).toFixed(1);
      const place = `${open === null ? "M" : "L"}${along},${at(value).toFixed(1)}`;
      path += place;
      area += place;
      open ??= along;
      last = along;
    }
    close();
    const stroke = svg("path", { class: `stroke ${look}`, d: path });
    if (this.series.length > 1 || this.scale === "ratio") return [stroke];
    return [svg("path", { class: `fill ${look}`, d: area }), stroke];
  }

  /** The point under the cursor, or the last one. */
  chosen(x) {
    if (this.cursor === null) return this.points.at(-1);
    const distance = (point) => Math.abs(x(point.time) - this.cursor);
    return this.points.reduce((best, point) => (best && distance(best) <= distance(point) ? best : point), undefined);
  }

  /** Writes the values, and the same as the text alternative of the drawing. */
  tell(chosen, end) {
    const write = (value) => (value === null || value === undefined ? "–" : this.format(value));
    this.numbers.forEach((number, index) => { number.textContent = write(chosen?.values[index]); });
    const ago = chosen ? Math.round(end - chosen.time) : 0;
    const facts = this.series.map(({ name }, index) => {
      const all = this.points.map(({ values }) => values[index]).filter((value) => value !== null);
      const now = `${name} now ${write(this.points.at(-1)?.values[index])}`.trim();
      if (all.length === 0) return { text: `${name} no data`.trim(), most: null };
      return { text: `${now}, lowest ${write(Math.min(...all))}, highest ${write(Math.max(...all))}`, most: Math.max(...all) };
    });
    const most = this.series.length === 1 && facts[0].most !== null ? `max ${write(facts[0].most)}` : "";
    this.note.textContent = this.cursor !== null && ago > 0 ? `${ago} s ago` : most;
    this.plot.setAttribute("aria-label", `${this.title}, the last two minutes: ${facts.map(({ text }) => text).join("; ")}`);
  }
}
