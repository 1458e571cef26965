// Shows the runs, or with ?run= one of them, and keeps it fresh while it goes on.

import { get, getAll } from "./api.js";
import { byId, element, fill, row, rowHeader, show, text, number } from "./dom.js";
import { energy, enumeration, estimate, gramsUnit, interval, time, whole } from "./format.js";
import { drawRounds } from "./rounds_chart.js";
import { fillApart, fillEdges, fillFactors, fillGaps, fillNodes, fillRounds, fillWaste } from "./run_tables.js";

const MAX_PAGE_SIZE = 1000;
const query = new URLSearchParams(location.search);
const runId = query.get("run");
let runPages = 1;
let networkModel = query.get("network_model") ?? "";
let defaultModels = [];
let rounds = [];

const shown = {};  // part of the page -> version of what it shows
function isNews(part, version) {
  const news = shown[part] !== version;
  shown[part] = version;
  return news;
}

const goesOn = (run) => run.state === "STATE_RUNNING" || run.state === "STATE_SILENT";
const stateBadge = (run) =>
  element("span", { class: `state ${enumeration(run.state, "STATE_")}` }, enumeration(run.state, "STATE_"));
const progress = (run) =>
  Number(run.plannedRounds) ? `${whole(run.rounds)} of ${whole(run.plannedRounds)}` : whole(run.rounds);
const setText = (id, value) => {  // only if it is news: a live region would repeat it
  if (byId(id).textContent !== value) byId(id).textContent = value;
};

// ---------------------------------------------------------------- the runs

async function refreshRuns(isCurrent) {
  const { items, version, more } = await getAll("runs?page_size=100", "runs", runPages);
  if (!isCurrent()) return undefined;
  if (isNews("runs", version)) {
    show("runs-none", items.length === 0);
    show("runs-some", items.length > 0);
    fill("runs-rows", ...items.map((run) => row(
      rowHeader(element("a", { href: `/?run=${encodeURIComponent(run.id)}` }, run.name || run.id),
                ...(run.name ? [element("small", {}, run.id)] : [])),
      text(stateBadge(run)),
      number(progress(run)),
      text(time(run.startedUs)),
      text(time(run.lastFactUs)))));
  }
  show("runs-more", more);
  show("runs", true);
  return 5000;
}

// ---------------------------------------------------------------- one run

function methodParameters() {
  const models = networkModel ? [networkModel, ...defaultModels.filter((model) => model !== networkModel)] : [];
  return models.map((model) => `network_model=${encodeURIComponent(model)}`).join("&");
}

async function offerNetworkModels(method) {
  defaultModels = method.networkModels;
  const { body } = await get("factors");
  const select = byId("network-model");
  select.replaceChildren(...body.networkModels.map(({ id, legacy }) =>
    element("option", { value: id }, legacy ? `${id} (for comparison only)` : id)));
  const explain = () => {
    const model = body.networkModels.find(({ id }) => id === select.value);
    setText("network-model-meaning", model ? `${model.formula}. ${model.boundary}. ${model.source}` : "");
  };
  select.value = networkModel || defaultModels[0];
  select.addEventListener("change", () => {
    networkModel = select.value;
    query.set("network_model", networkModel);
    history.replaceState(null, "", `?${query}`);
    explain();
    refreshNow();
  });
  explain();
}

function showHead({ run, footprint }) {
  document.title = `${run.name || run.id} – fedcarbon`;
  setText("run-name", run.name || run.id);
  fill("run-facts", stateBadge(run), ` ${progress(run)} rounds · started `, time(run.startedUs), " · last fact ",
       time(run.lastFactUs), ...(run.name ? [` · ${run.id}`] : []), ...(run.openedTwice ? [" · opened twice"] : []));
  setText("live", goesOn(run) ? `${enumeration(run.state, "STATE_")}, round ${progress(run)}` : "");
  const unit = gramsUnit([footprint.total.central]);
  const parts = { total: footprint.total, computation: footprint.computation, communication: footprint.communication };
  for (const [id, value] of Object.entries(parts)) {
    fill(id, estimate(value, unit, true));
    const range = interval(value, unit);
    setText(`${id}-interval`, range === "none stated" ? "no interval stated" : `${range} ${unit.name}`);
  }
  setText("computation-energy", footprint.computationEnergy ? energy(footprint.computationEnergy) : "");
  setText("communication-energy", footprint.communicationEnergy ? energy(footprint.communicationEnergy) : "");
  for (const span of byId("split").children) {
    span.style.flexGrow = (parts[span.className]?.central ?? 0) / (footprint.total.central || 1);
  }
  fill("alternatives", ...footprint.alternatives.map(({ networkModel: model, communication }) =>
    element("li", {}, `Communication under ${model}: `, estimate(communication, unit, true))));
}

async function refreshRun(isCurrent) {
  if (defaultModels.length === 0) {
    // The answer without parameters tells the defaults.
    const { body } = await get(`runs/${encodeURIComponent(runId)}`);
    await offerNetworkModels(body.method);
  }
  const path = `runs/${encodeURIComponent(runId)}`;
  const parameters = methodParameters();
  const answer = await get(`${path}?${parameters}`);
  const all = await getAll(`${path}/rounds?page_size=${MAX_PAGE_SIZE}&${parameters}`, "rounds");
  if (!isCurrent()) return undefined;
  rounds = all.items;
  show("run", true);
  if (isNews("run", answer.version)) showRun(answer.body);
  if (isNews("rounds", all.version)) showRounds();
  return goesOn(answer.body.run) ? 2000 + 10 * rounds.length : undefined;
}

function showRun(body) {
  showHead(body);
  show("warnings", body.warnings.length > 0);
  fill("warnings-list", ...body.warnings.map((warning) => element("li", {}, warning)));
  fillNodes(body.nodes);
  fillEdges(body.edges);
  fillWaste(body);
  fillApart(body);
  fillGaps(body.gaps);
  fillFactors(body.factors);
  show("summary-text", body.summaryText !== "");
  setText("summary-text", body.summaryText);
  setText("method", `Computed under ${body.method.model} with ${body.method.networkModels.join(", ")}.`);
}

function showRounds() {
  show("rounds-none", rounds.length === 0);
  show("rounds-some", rounds.length > 0);
  drawRounds(rounds);
  if (byId("rounds-details").open) fillRounds(rounds);
}

// ---------------------------------------------------------------- keeping it fresh

const refresh = runId === null ? refreshRuns : refreshRun;
let timer;
let questions = 0;

async function refreshNow() {
  clearTimeout(timer);
  const mine = ++questions;
  const isCurrent = () => mine === questions;  // else another question was asked while this one was answered
  let wait;
  try {
    wait = await refresh(isCurrent);
    if (isCurrent()) show("problem", false);
  } catch (error) {
    if (!isCurrent()) return;
    setText("problem", `${error.message}. Trying again.`);
    show("problem", true);
    wait = 10000;
  }
  if (isCurrent() && wait !== undefined && !document.hidden) timer = setTimeout(refreshNow, wait);
}

document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refreshNow()));
byId("rounds-details").addEventListener("toggle", showRounds);
byId("runs-more").addEventListener("click", () => {
  ++runPages;
  refreshNow();
});
refreshNow();
