// Bars per round, computation and communication stacked, with the interval of their sum.

import { byId } from "./dom.js";
import { digits, gramsUnit } from "./format.js";

const PIXELS_PER_BAR = 9;
let chart;
let shown = [];

// Beyond what the width can hold, neighbouring rounds share a bar: their mean, so that the axis stays the same.
export function bars(rounds, most) {
  const perBar = Math.ceil(rounds.length / most);
  const result = [];
  for (let first = 0; first < rounds.length; first += perBar) {
    const group = rounds.slice(first, first + perBar);
    const mean = (read) => group.reduce((sum, round) => sum + read(round.footprint), 0) / group.length;
    const stated = group.every(({ footprint }) => footprint.total.low !== undefined && footprint.total.high !== undefined);
    result.push({
      label: group.length === 1 ? group[0].round : `${group[0].round}–${group.at(-1).round}`,
      computation: mean((footprint) => footprint.computation?.central ?? 0),
      communication: mean((footprint) => footprint.communication?.central ?? 0),
      total: mean((footprint) => footprint.total.central),
      low: stated ? mean((footprint) => footprint.total.low) : undefined,
      high: stated ? mean((footprint) => footprint.total.high) : undefined,
    });
  }
  return { bars: result, perBar };
}

const intervalPlugin = {
  id: "interval",
  afterDatasetsDraw(drawn, _, { whiskers, colour, halo }) {
    const context = drawn.ctx;
    context.save();
    drawn.getDatasetMeta(0).data.forEach((bar, index) => {
      const { low, high } = whiskers[index];
      if (low === undefined) return;
      const bottom = drawn.scales.y.getPixelForValue(low);
      const top = drawn.scales.y.getPixelForValue(high);
      const half = Math.min(4, bar.width / 3);
      context.beginPath();
      context.moveTo(bar.x, bottom);
      context.lineTo(bar.x, top);
      for (const y of [bottom, top]) {
        context.moveTo(bar.x - half, y);
        context.lineTo(bar.x + half, y);
      }
      for (const [style, width] of [[halo, 3.5], [colour, 1.25]]) {
        context.strokeStyle = style;
        context.lineWidth = width;
        context.stroke();
      }
    });
    context.restore();
  },
};

function colours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    computation: read("--computation"), communication: read("--communication"),
    text: read("--quiet"), grid: read("--line"), whisker: read("--whisker"), halo: read("--card"),
  };
}

function configuration(rounds) {
  const width = byId("rounds-chart").parentElement.clientWidth;
  const { bars: drawn, perBar } = bars(rounds, Math.max(10, Math.floor((width - 60) / PIXELS_PER_BAR)));
  const unit = gramsUnit(drawn.map((bar) => bar.high ?? bar.total));
  const scaled = (name) => drawn.map((bar) => (bar[name] === undefined ? undefined : bar[name] / unit.size));
  const [low, high, total] = [scaled("low"), scaled("high"), scaled("total")];
  const colour = colours();
  const axis = (title) => ({
    stacked: true,
    title: { display: true, text: title, color: colour.text },
    ticks: { color: colour.text, maxRotation: 0, autoSkipPadding: 12 },
    border: { display: false },
  });
  const dataset = (label, name) => ({
    label, data: scaled(name), backgroundColor: colour[name], maxBarThickness: 48, categoryPercentage: 0.86,
    barPercentage: 0.94,
  });
  const footer = ([{ dataIndex: i }]) =>
    `Total: ${digits(total[i])} ${unit.name}` +
    (low[i] === undefined ? "\nno interval stated" : `\n${digits(low[i])} to ${digits(high[i])}`);
  byId("rounds-caption").textContent =
    `${unit.name} per round; whiskers span low to high of the total.` +
    (perBar > 1 ? ` Each bar is the mean of up to ${perBar} rounds.` : "");
  return {
    type: "bar",
    data: {
      labels: drawn.map((bar) => bar.label),
      datasets: [dataset("Computation", "computation"), dataset("Communication", "communication")],
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      scales: {
        x: { ...axis("Round"), grid: { display: false } },
        y: { ...axis(unit.name), grid: { color: colour.grid }, beginAtZero: true,
             suggestedMax: Math.max(0, ...high.map((value, i) => value ?? total[i])) },
      },
      plugins: {
        legend: { labels: { color: colour.text, boxWidth: 12, boxHeight: 12 } },
        tooltip: { callbacks: {
          title: ([{ label }]) => `Round ${label}`,
          label: ({ dataset: { label }, raw }) => `${label}: ${digits(raw)} ${unit.name}`,
          footer,
        } },
        interval: {
          whiskers: low.map((value, i) => ({ low: value, high: high[i] })), colour: colour.whisker, halo: colour.halo,
        },
      },
    },
    plugins: [intervalPlugin],
  };
}

export function drawRounds(rounds) {
  shown = rounds;
  if (rounds.length === 0) return;
  const { data, options, ...rest } = configuration(rounds);
  if (chart) {
    Object.assign(chart, { data, options });
    chart.update();
  } else {
    chart = new Chart(byId("rounds-chart"), { data, options, ...rest });
  }
}

const redraw = () => drawRounds(shown);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
addEventListener("resize", redraw);
