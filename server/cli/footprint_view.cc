#include "server/cli/footprint_view.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "server/cli/format.h"

namespace fedcarbon::cli {
namespace {

using Align = Table::Align;

std::string StateName(v1::Run::State state) {
  switch (state) {
    case v1::Run::STATE_RUNNING:
      return "running";
    case v1::Run::STATE_SILENT:
      return "silent: no fact for 15 minutes";
    case v1::Run::STATE_COMPLETED:
      return "completed";
    case v1::Run::STATE_FAILED:
      return "failed";
    case v1::Run::STATE_ABANDONED:
      return "abandoned";
    default:
      return "unknown state";
  }
}

std::string Title(const char* what, MassUnit unit) { return absl::StrCat(what, " (", unit.name, " CO2e)"); }

std::string MethodText(const v1::Method& method, const Style& style) {
  const std::string network = method.network_models().empty() ? "" : method.network_models(0);
  return Wrap(
      "",
      absl::StrCat("Model ", method.model(), ", network ", network, "; intervals are low – central – high."),
      style);
}

std::string RunHead(const v1::Run& run, const Style& style) {
  const std::string name = run.name().empty() ? "" : absl::StrCat(" \"", Printable(run.name()), "\"");
  std::string text = Heading(absl::StrCat("Run ", Printable(run.id()), name), style);
  std::string rounds = Thousands(run.rounds());
  if (run.planned_rounds() > 0) absl::StrAppend(&rounds, " of ", Thousands(run.planned_rounds()));
  const absl::Duration took = absl::Microseconds(run.last_fact_us() - run.started_us());
  return text +
         Wrap("",
              absl::StrCat(StateName(run.state()), ", ", rounds, " rounds, ", TimeText(run.started_us()),
                           " to ", TimeText(run.last_fact_us()), " (", DurationText(took), ")"),
              style);
}

/// The parts of a footprint, one line each.
std::string Totals(const v1::Footprint& footprint, const v1::Method& method, MassUnit unit,
                   const Style& style) {
  Table table(
      {{Title("Footprint", unit)}, {"low – central – high", Align::kRight}, {"energy", Align::kRight}});
  const auto add = [&](std::string name, const v1::Estimate& grams, const v1::Estimate* energy) {
    table.Add({std::move(name), FormatInterval(grams, unit), energy == nullptr ? "" : FormatEnergy(*energy)});
  };
  const std::string network = method.network_models().empty() ? "" : method.network_models(0);
  add("total", footprint.total(), nullptr);
  add("computation", footprint.computation(), &footprint.computation_energy());
  add(absl::StrCat("communication, ", network), footprint.communication(), &footprint.communication_energy());
  for (const v1::ModelEstimate& other : footprint.alternatives()) {
    add(absl::StrCat("  or ", other.network_model()), other.communication(), &other.communication_energy());
  }
  return table.Print(style);
}

std::string Rounds(const google::protobuf::RepeatedPtrField<v1::RoundSummary>& rounds, MassUnit unit,
                   const Style& style) {
  if (rounds.empty()) return "";
  Table table({{"round", Align::kRight},
               {"comput.", Align::kRight},
               {"commun.", Align::kRight},
               {"low – central – high", Align::kRight},
               {"bytes", Align::kRight},
               {"compute time", Align::kRight},
               {"lasted", Align::kRight}});
  for (const v1::RoundSummary& round : rounds) {
    const v1::Footprint& footprint = round.footprint();
    const bool timed = round.started_us() != 0 && round.ended_us() != 0;
    table.Add({Thousands(round.round()), FormatCentral(footprint.computation(), unit),
               FormatCentral(footprint.communication(), unit), FormatInterval(footprint.total(), unit),
               FormatBytes(footprint.counted_bytes()),
               ComputeTimeText(footprint.compute_us(), footprint.compute_is_upper_bound()),
               timed ? DurationText(absl::Microseconds(round.ended_us() - round.started_us())) : "-"});
  }
  return absl::StrCat("\n", Heading(Title("Rounds", unit), style), table.Print(style));
}

std::string Nodes(const google::protobuf::RepeatedPtrField<v1::NodeFootprint>& nodes, MassUnit unit,
                  const Style& style) {
  if (nodes.empty()) return "";
  Table table({{"node"},
               {"grid"},
               {"comput.", Align::kRight},
               {"commun.", Align::kRight},
               {"low – central – high", Align::kRight},
               {"sent", Align::kRight},
               {"received", Align::kRight}});
  for (const v1::NodeFootprint& node : nodes) {
    const std::string& country = node.description().country();
    table.Add({NodeName(node.node()), country.empty() ? "-" : Printable(country),
               FormatCentral(node.footprint().computation(), unit),
               FormatCentral(node.footprint().communication(), unit),
               FormatInterval(node.footprint().total(), unit), FormatBytes(node.sent_bytes()),
               FormatBytes(node.received_bytes())});
  }
  return absl::StrCat(
      "\n", Heading(Title("Nodes", unit), style), table.Print(style),
      Wrap("", "Grams add up over nodes. Bytes do not: each is sent by one and received by another.", style));
}

/// For how long each node computed.
std::string ComputeTimes(const google::protobuf::RepeatedPtrField<v1::NodeFootprint>& nodes,
                         const Style& style) {
  Table table(
      {{"Compute time of"}, {"wall", Align::kRight}, {"CPU", Align::kRight}, {"accelerator", Align::kRight}});
  for (const v1::NodeFootprint& node : nodes) {
    const v1::Footprint& footprint = node.footprint();
    if (footprint.compute_us() == 0 && footprint.cpu_us() == 0 && footprint.accelerator_us() == 0) continue;
    table.Add({NodeName(node.node()),
               ComputeTimeText(footprint.compute_us(), footprint.compute_is_upper_bound()),
               CpuTimeText(footprint.cpu_us(), footprint.cpu_is_lower_bound()),
               CpuTimeText(footprint.accelerator_us(), footprint.cpu_is_lower_bound())});
  }
  return table.empty() ? "" : absl::StrCat("\n", table.Print(style));
}

std::string UpperBoundNote(bool is_upper_bound, const Style& style) {
  if (!is_upper_bound) return "";
  return Wrap("",
              "≤: at most. What was found on the wire may hold downloads, waiting and the start of a process "
              "besides the compute.",
              style);
}

std::string Edges(const google::protobuf::RepeatedPtrField<v1::Edge>& edges, MassUnit unit,
                  const Style& style) {
  if (edges.empty()) return "";
  Table table({{"from"},
               {"to"},
               {"calls", Align::kRight},
               {"bytes", Align::kRight},
               {unit.name, Align::kRight},
               {"ends differ", Align::kRight},
               {"unconfirmed", Align::kRight}});
  for (const v1::Edge& edge : edges) {
    table.Add({NodeName(edge.from()), NodeName(edge.to()), Thousands(edge.calls()),
               FormatBytes(edge.counted_bytes()), FormatCentral(edge.communication(), unit),
               edge.has_disagreement_bytes() ? FormatBytes(edge.disagreement_bytes()) : "one end",
               FormatBytes(edge.unconfirmed_bytes())});
  }
  return absl::StrCat("\n", Heading(Title("Edges", unit), style), table.Print(style));
}

std::string WasteName(v1::Waste waste) {
  switch (waste) {
    case v1::WASTE_REPEATED:
      return "repeated bytes";
    case v1::WASTE_POLL:
      return "empty polls";
    case v1::WASTE_HEARTBEAT:
      return "heartbeats";
    case v1::WASTE_RETRY:
      return "retries";
    case v1::WASTE_FAILED:
      return "failed calls";
    default:
      return "other waste";  // of a newer coordinator
  }
}

/// `waste` of a footprint of `counted_bytes`.
std::string WasteTable(const char* title, const google::protobuf::RepeatedPtrField<v1::WasteFootprint>& waste,
                       uint64_t counted_bytes, const char* note, const Style& style) {
  if (waste.empty()) return "";
  double largest = 0;
  for (const v1::WasteFootprint& category : waste) {
    largest = std::max(largest, category.communication().central());
  }
  const MassUnit unit = MassUnitFor(largest);
  Table table({{Title(title, unit)},
               {"calls", Align::kRight},
               {"messages", Align::kRight},
               {"bytes", Align::kRight},
               {"share", Align::kRight},
               {"low – central – high", Align::kRight}});
  for (const v1::WasteFootprint& category : waste) {
    table.Add({WasteName(category.waste()), Thousands(category.calls()), Thousands(category.messages()),
               FormatBytes(category.counted_bytes()), FormatShare(category.counted_bytes(), counted_bytes),
               FormatInterval(category.communication(), unit)});
  }
  return absl::StrCat("\n", table.Print(style), Wrap("", note, style));
}

std::string Waste(const v1::RunFootprint& run, const Style& style) {
  return absl::StrCat(
      WasteTable("Waste", run.waste(), run.footprint().counted_bytes(),
                 "A part of the footprint above. The share is of the run's bytes.", style),
      WasteTable("Waste in no run", run.unattributed_federation_waste(),
                 run.unattributed_federation().counted_bytes(),
                 "A part of what named no run, below: of these nodes, over all time. The share is of those "
                 "bytes.",
                 style));
}

std::string Kinds(const v1::NodeFootprint& node, MassUnit unit, const Style& style) {
  Table table({{"computation"},
               {"spans", Align::kRight},
               {"wall", Align::kRight},
               {"CPU", Align::kRight},
               {"accelerator", Align::kRight},
               {"low – central – high", Align::kRight}});
  for (const v1::KindUsage& kind : node.kinds()) {
    table.Add({absl::AsciiStrToLower(v1::SpanKind_Name(kind.kind()).substr(sizeof("SPAN_KIND_") - 1)),
               Thousands(kind.spans()), ComputeTimeText(kind.wall_us(), kind.wall_is_upper_bound()),
               CpuTimeText(kind.cpu_us(), kind.cpu_is_lower_bound()),
               CpuTimeText(kind.accelerator_us(), kind.cpu_is_lower_bound()),
               FormatInterval(kind.computation(), unit)});
  }
  return table.empty() ? "" : absl::StrCat("\n", table.Print(style));
}

std::string Gaps(const google::protobuf::RepeatedPtrField<v1::GapEntry>& gaps, const Style& style) {
  std::string text;
  for (const v1::GapEntry& entry : gaps) {
    const v1::Gap& gap = entry.gap();
    const std::string reason = v1::Gap::Reason_Name(gap.reason()).substr(sizeof("REASON_") - 1);
    const std::string lost = gap.facts() > 0 ? absl::StrCat(Thousands(gap.facts()), " facts") : "unknown";
    text += Wrap("  ",
                 absl::StrCat(NodeName(entry.node()), ": ", absl::AsciiStrToLower(reason), ", lost: ", lost,
                              ", ", TimeText(entry.from_us()), " to ", TimeText(entry.to_us()), " ",
                              Printable(gap.detail())),
                 style);
  }
  return text.empty() ? "" : absl::StrCat("\n", Heading("Gaps: not metered", style), text);
}

std::string Outside(const v1::RunFootprint& run, MassUnit unit, const Style& style) {
  Table table({{Title("Outside the rounds", unit)},
               {"low – central – high", Align::kRight},
               {"bytes", Align::kRight},
               {"CPU", Align::kRight}});
  const auto add = [&](std::string name, const v1::Footprint& footprint) {
    table.Add({std::move(name), FormatInterval(footprint.total(), unit),
               FormatBytes(footprint.counted_bytes()),
               CpuTimeText(footprint.cpu_us(), footprint.cpu_is_lower_bound())});
  };
  add("unattributed: no round named", run.unattributed());
  add("no run named, by these nodes, ever", run.unattributed_federation());
  add("fedcarbon's own, during the run", run.overhead().footprint());
  uint64_t unconfirmed = 0;
  for (const v1::Edge& edge : run.edges()) unconfirmed += edge.unconfirmed_bytes();
  table.Add({"unconfirmed: never answered, in high", "", FormatBytes(unconfirmed), ""});
  return absl::StrCat("\n", table.Print(style));
}

template <typename Message>
std::string Method(const Message& message, const Style& style) {
  std::string text;
  if (!message.factors().empty()) absl::StrAppend(&text, "\n", Heading("Factors used", style));
  for (const v1::Factor& factor : message.factors()) {
    const v1::Estimate& value = factor.value();
    const std::string number =
        value.has_low() && value.has_high()
            ? absl::StrCat(Significant(value.low(), 4), " – ", Significant(value.central(), 4), " – ",
                           Significant(value.high(), 4))
            : absl::StrCat(Significant(value.central(), 4), " (none stated)");
    std::string about =
        absl::StrCat(Printable(factor.name()), "  ", number,
                     factor.unit() == "1" ? "" : absl::StrCat(" ", Printable(factor.unit())), "; ");
    if (factor.year() > 0) absl::StrAppend(&about, factor.year(), ", ");
    absl::StrAppend(&about,
                    absl::AsciiStrToLower(v1::Factor::Kind_Name(factor.kind()).substr(sizeof("KIND_") - 1)),
                    "; ", Printable(factor.source()));
    if (!factor.flags().empty())
      absl::StrAppend(&about, " [", Printable(absl::StrJoin(factor.flags(), "; ")), "]");
    text += Wrap("  ", about, style);
  }
  if (!message.warnings().empty()) absl::StrAppend(&text, "\n", Heading("To know", style));
  for (const std::string& warning : message.warnings()) text += Wrap("! ", Printable(warning), style);
  return text;
}

}  // namespace

std::string RunText(const v1::WatchRunResponse& response, const Style& style) {
  const v1::RunFootprint& run = response.run();
  const MassUnit unit = MassUnitFor(run.footprint().total().central());
  const MassUnit round_unit = response.rounds().empty()
                                  ? unit
                                  : MassUnitFor(run.in_rounds().total().central() / response.rounds_size());
  std::string text = absl::StrCat(
      RunHead(run.run(), style), MethodText(run.method(), style), "\n",
      Totals(run.footprint(), run.method(), unit, style), Rounds(response.rounds(), round_unit, style),
      Nodes(run.nodes(), unit, style), ComputeTimes(run.nodes(), style),
      UpperBoundNote(run.footprint().compute_is_upper_bound(), style), Edges(run.edges(), unit, style),
      Waste(run, style), Outside(run, unit, style));
  absl::StrAppend(&text, Gaps(run.gaps(), style), Method(run, style));
  if (!run.summary_text().empty()) absl::StrAppend(&text, "\n", run.summary_text());
  return text;
}

std::string RoundText(const v1::RoundFootprint& round, const Style& style) {
  const v1::Footprint& footprint = round.summary().footprint();
  const MassUnit unit = MassUnitFor(footprint.total().central());
  return absl::StrCat(
      Heading(absl::StrCat("Run ", Printable(round.run()), ", round ", Thousands(round.summary().round())),
              style),
      Wrap("",
           absl::StrCat(TimeText(round.summary().started_us()), " to ", TimeText(round.summary().ended_us())),
           style),
      MethodText(round.method(), style), "\n", Totals(footprint, round.method(), unit, style),
      Nodes(round.nodes(), unit, style), ComputeTimes(round.nodes(), style),
      UpperBoundNote(footprint.compute_is_upper_bound(), style), Edges(round.edges(), unit, style),
      Method(round, style));
}

std::string NodeText(const v1::NodeRounds& rounds, const Style& style) {
  const v1::NodeFootprint& node = rounds.node();
  const MassUnit unit = MassUnitFor(node.footprint().total().central());
  return absl::StrCat(
      Heading(absl::StrCat("Node ", NodeName(node.node()), " in run ", Printable(rounds.run())), style),
      MethodText(rounds.method(), style), "\n", Totals(node.footprint(), rounds.method(), unit, style),
      Kinds(node, unit, style), Rounds(rounds.rounds(), unit, style),
      UpperBoundNote(node.footprint().compute_is_upper_bound(), style), Edges(rounds.edges(), unit, style),
      Gaps(rounds.gaps(), style), Method(rounds, style));
}

std::string WatchText(const v1::WatchRunResponse& response, const Style& style) {
  const v1::RunFootprint& run = response.run();
  const MassUnit unit = MassUnitFor(run.footprint().total().central());
  std::string text = RunHead(run.run(), style);
  if (run.run().planned_rounds() > 0) {
    const double done = std::min(1.0, static_cast<double>(run.run().rounds()) / run.run().planned_rounds());
    const size_t room = std::min<size_t>(40, style.width - 10);
    const size_t filled = static_cast<size_t>(done * room);
    absl::StrAppend(&text, "[", std::string(filled, '#'), std::string(room - filled, '.'), "] ",
                    absl::StrFormat("%3.0f %%", 100 * done), "\n");
  }
  return absl::StrCat(
      text, "\n", Totals(run.footprint(), run.method(), unit, style), Rounds(response.rounds(), unit, style),
      UpperBoundNote(run.footprint().compute_is_upper_bound(), style), Nodes(run.nodes(), unit, style));
}

}  // namespace fedcarbon::cli
