// Numbers, units and times as people read them. What is shown is rounded; the exact value is in the markup.

import { element } from "./dom.js";

const DIGITS = new Intl.NumberFormat("en", { minimumSignificantDigits: 3, maximumSignificantDigits: 3 });
const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

const GRAMS = [[1e6, "t"], [1e3, "kg"], [1, "g"], [1e-3, "mg"], [1e-6, "µg"]];
const BYTES = [[1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "kB"]];
const WATT_HOURS = [[1e6, "MWh"], [1e3, "kWh"], [1, "Wh"], [1e-3, "mWh"], [1e-6, "µWh"]];

const scaleFor = (scales, value) =>
  scales.find(([size]) => Math.abs(value) >= size) ?? (value === 0 ? scales.find(([size]) => size === 1) : scales.at(-1));

// The unit that suits the largest of these grams: one for a whole column, so that its numbers compare.
export function gramsUnit(values) {
  const [size, name] = scaleFor(GRAMS, Math.max(0, ...values));
  return { size, name: `${name} CO₂e` };
}

export const digits = (value) => (value === 0 || Math.abs(value) >= 999.5 ? WHOLE : DIGITS).format(value);
export const whole = (value) => WHOLE.format(value);

const exact = (value, shown) => element("data", { value: String(value) }, shown);

export function bytes(value) {
  if (Number(value) < 1000) return exact(value, `${value} B`);
  const [size, name] = scaleFor(BYTES, Number(value));
  return exact(value, `${digits(Number(value) / size)} ${name}`);
}

export function count(value) {
  return exact(value, whole(Number(value)));
}

// `part` of `all` in percent.
export function share(part, all) {
  const percent = Number(all) === 0 ? 0 : (100 * Number(part)) / Number(all);
  return exact(percent, `${digits(percent)} %`);
}

// What stands before a number that is not the whole truth.
const mark = ({ atLeast, atMost }) => (atLeast ? (atMost ? "≈ " : "≥ ") : atMost ? "≤ " : "");

// How long a footprint's spans computed.
export function computeTime({ computeUs, computeIsUpperBound }) {
  if (Number(computeUs) === 0) return "none";
  const shown = exact(computeUs, `${mark({ atMost: computeIsUpperBound })}${duration(computeUs)}`);
  if (computeIsUpperBound) shown.title = "At most: may hold downloads, waiting and the start of a process";
  return shown;
}

// A footprint's CPU time, as far as it was told.
export function cpuTime({ cpuUs, cpuIsLowerBound }) {
  if (Number(cpuUs) === 0 && cpuIsLowerBound) return "unknown";
  return exact(cpuUs, `${mark({ atLeast: cpuIsLowerBound })}${duration(cpuUs)}`);
}

// Absent: an estimate that nobody made.
export function estimate(value, unit, withUnit = false) {
  if (!value) return "none";
  const shown = exact(value.central, `${mark(value)}${digits(value.central / unit.size)}`);
  if (withUnit) shown.append(" ", element("span", { class: "unit" }, unit.name));
  return shown;
}

export function interval(value, unit) {
  if (value?.low === undefined || value?.high === undefined) return "none stated";
  return `${digits(value.low / unit.size)} to ${digits(value.high / unit.size)}`;
}

export function energy(joules) {
  const wattHours = joules.central / 3600;
  const [size, name] = scaleFor(WATT_HOURS, wattHours);
  return `${mark(joules)}${digits(wattHours / size)} ${name}`;
}

export function duration(micros) {
  const seconds = Number(micros) / 1e6;
  if (seconds < 1) return `${digits(seconds * 1e3)} ms`;
  if (seconds < 60) return `${digits(seconds)} s`;
  const padded = (value) => String(value % 60).padStart(2, "0");
  const wholeSeconds = Math.round(seconds);
  const minutes = Math.floor(wholeSeconds / 60);
  return minutes < 60 ? `${minutes} min ${padded(wholeSeconds)} s`
                      : `${whole(Math.floor(minutes / 60))} h ${padded(minutes)} min`;
}

// ISO 8601, UTC, to the second. 0: unknown.
export function time(micros) {
  if (Number(micros) === 0) return "unknown";
  const iso = new Date(Number(micros) / 1e3).toISOString().replace(/\.\d+Z$/, "Z");
  return element("time", { datetime: iso }, iso);
}

// KIND_DEFAULT -> default, LINK_KIND_UNSPECIFIED -> unknown.
export function enumeration(value, prefix) {
  const name = (value ?? "").replace(prefix, "").replaceAll("_", " ").toLowerCase();
  return name === "" || name === "unspecified" ? "unknown" : name;
}
