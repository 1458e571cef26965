// The tables of a run.

import { element, fill, number, row, rowHeader, show, text } from "./dom.js";
import {
  bytes, computeTime, count, cpuTime, duration, enumeration, estimate, gramsUnit, interval, share, time,
} from "./format.js";

// A name may break after a dot.
function nameOf(node) {
  if (!node) return element("em", {}, "unknown");
  const name = element("span");
  for (const part of node.split(/(?<=\.)/)) name.append(part, element("wbr"));
  return name;
}

// Writes the unit of a table's columns of grams into their heads.
function useUnit(tableId, estimates) {
  const unit = gramsUnit(estimates.filter(Boolean).map((value) => value.central));
  for (const head of document.querySelectorAll(`#${tableId} .unit`)) head.textContent = unit.name;
  return unit;
}

export function fillRounds(rounds) {
  show("rounds-upper-bound", rounds.some(({ footprint }) => footprint.computeIsUpperBound));
  const unit = useUnit("rounds-table", rounds.map(({ footprint }) => footprint.total));
  fill("rounds-rows", ...rounds.map(({ round, footprint, startedUs, endedUs, outcome }) => {
    const ended = Number(startedUs) > 0 && Number(endedUs) > 0;
    return row(
      rowHeader(round),
      number(estimate(footprint.total, unit)),
      number(interval(footprint.total, unit)),
      number(estimate(footprint.computation, unit)),
      number(estimate(footprint.communication, unit)),
      number(bytes(footprint.countedBytes)),
      number(computeTime(footprint)),
      number(cpuTime(footprint)),
      text(outcome === "OUTCOME_UNSPECIFIED" ? "not ended" : enumeration(outcome, "OUTCOME_")),
      text(time(startedUs)),
      number(ended ? duration(Number(endedUs) - Number(startedUs)) : ""));
  }));
}

export function fillNodes(nodes) {
  show("nodes-upper-bound", nodes.some(({ footprint }) => footprint.computeIsUpperBound));
  const unit = useUnit("nodes-table", nodes.map(({ footprint }) => footprint.total));
  const largestFirst = [...nodes].sort((a, b) => b.footprint.total.central - a.footprint.total.central);
  fill("nodes-rows", ...largestFirst.map(
    ({ node, description, footprint, sentBytes, receivedBytes, unsignedBatches }) => row(
      rowHeader(nameOf(node)),
      number(estimate(footprint.total, unit)),
      number(interval(footprint.total, unit)),
      number(estimate(footprint.computation, unit)),
      number(estimate(footprint.communication, unit)),
      number(bytes(sentBytes)),
      number(bytes(receivedBytes)),
      number(computeTime(footprint)),
      number(cpuTime(footprint)),
      text(description?.country || "unknown"),
      text(enumeration(description?.link, "LINK_KIND_")),
      text(unsignedBatches ? "unsigned" : "signed"))));
}

export function fillEdges(edges) {
  const unit = useUnit("edges-table", edges.map(({ communication }) => communication));
  fill("edges-rows", ...edges.map((edge) => row(
    rowHeader(nameOf(edge.from)),
    text(nameOf(edge.to)),
    number(bytes(edge.countedBytes)),
    number(estimate(edge.communication, unit)),
    number(bytes(edge.messageBytes)),
    number(count(edge.messages)),
    number(count(edge.calls)),
    text(enumeration(edge.layer, "LAYER_") + (edge.modelled ? ", rest modelled" : "")),
    number(edge.disagreementBytes === undefined ? "one end only" : bytes(edge.disagreementBytes)),
    number(bytes(edge.unconfirmedBytes)))));
}

const WASTE = {
  WASTE_REPEATED: ["Repeated bytes", "had moved to or from the same node before"],
  WASTE_POLL: ["Empty polls", "asked for work when there was none yet"],
  WASTE_HEARTBEAT: ["Heartbeats", "only say that somebody is there"],
  WASTE_RETRY: ["Retries", "repeat what had failed"],
  WASTE_FAILED: ["Failed calls", "ended with an error"],
};

export function fillWaste({ waste, footprint, unattributedFederationWaste: outside, unattributedFederation }) {
  show("waste", waste.length + outside.length > 0);
  show("waste-rows", waste.length > 0);
  show("waste-outside", outside.length > 0);
  show("waste-outside-rows", outside.length > 0);
  const unit = useUnit("waste-table", [...waste, ...outside].map(({ communication }) => communication));
  const rows = (categories, countedBytes) => categories.map((category) => {
    const [name, meaning] = WASTE[category.waste];
    return row(
      rowHeader(name, element("small", {}, meaning)),
      number(bytes(category.countedBytes)),
      number(share(category.countedBytes, countedBytes)),
      number(estimate(category.communication, unit)),
      number(interval(category.communication, unit)),
      number(count(category.messages)),
      number(count(category.calls)));
  });
  fill("waste-rows", ...rows(waste, footprint.countedBytes));
  fill("waste-outside-rows", ...rows(outside, unattributedFederation?.countedBytes ?? 0));
}

export function fillApart({ unattributed, unattributedFederation, overhead, edges }) {
  const unit = useUnit("apart-table", [unattributed, unattributedFederation, overhead?.footprint].map((f) => f?.total));
  const line = (what, footprint, ofBytes) => row(
    rowHeader(what),
    number(footprint?.total ? estimate(footprint.total, unit) : ""),
    number(footprint?.total ? interval(footprint.total, unit) : ""),
    number(ofBytes),
    number(footprint ? cpuTime(footprint) : ""));
  const unconfirmed = edges.reduce((sum, edge) => sum + Number(edge.unconfirmedBytes), 0);
  fill("apart-rows",
    line("Unattributed: of this run, in no round; part of its footprint", unattributed,
         bytes(unattributed?.countedBytes ?? 0)),
    line("Of these nodes, in no run, over all time", unattributedFederation,
         bytes(unattributedFederation?.countedBytes ?? 0)),
    line("Unconfirmed messages: in the upper bound alone", undefined, bytes(unconfirmed)),
    line("fedcarbon itself: reports and round context", overhead?.footprint,
         bytes(Number(overhead?.reportBytes ?? 0) + Number(overhead?.contextBytes ?? 0))));
}

export function fillGaps(gaps) {
  show("gaps", gaps.length > 0);
  fill("gaps-rows", ...gaps.map(({ node, gap, fromUs, toUs }) => row(
    rowHeader(nameOf(node)),
    text(time(fromUs)),
    text(time(toUs)),
    text(enumeration(gap?.reason, "REASON_") + (gap?.detail ? `: ${gap.detail}` : "")),
    number(Number(gap?.facts) ? count(gap.facts) : "unknown"),
    number(Number(gap?.bytes) ? bytes(gap.bytes) : "unknown"))));
}

export function fillFactors(factors) {
  const asGiven = (value) => new Intl.NumberFormat("en", { maximumSignificantDigits: 6 }).format(value);
  const range = ({ low, high }, meaning) =>
    low === undefined ? "none stated" : `${asGiven(low)} to ${asGiven(high)}${meaning ? ` (${meaning})` : ""}`;
  fill("factors-rows", ...factors.map(({ name, value, unit, source, year, kind, meaning, flags }) => row(
    rowHeader(nameOf(name)),
    number(element("data", { value: String(value.central) }, asGiven(value.central))),
    number(range(value, meaning)),
    text(unit === "1" ? "" : unit),
    text(enumeration(kind, "KIND_")),
    number(year || ""),
    text(source),
    text(flags.join(", ")))));
}
