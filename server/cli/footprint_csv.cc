#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/cli/footprint_view.h"
#include "server/cli/format.h"

namespace fedcarbon::cli {
namespace {

constexpr std::array<const char*, 24> kHeader = {"run",
                                                 "scope",
                                                 "round",
                                                 "node",
                                                 "to",
                                                 "computation_low_g",
                                                 "computation_g",
                                                 "computation_high_g",
                                                 "communication_low_g",
                                                 "communication_g",
                                                 "communication_high_g",
                                                 "total_low_g",
                                                 "total_g",
                                                 "total_high_g",
                                                 "at_least",
                                                 "at_most",
                                                 "counted_bytes",
                                                 "sent_bytes",
                                                 "received_bytes",
                                                 "cpu_s",
                                                 "accelerator_s",
                                                 "compute_s",
                                                 "compute_is_upper_bound",
                                                 "cpu_is_lower_bound"};

/// Builds the lines; a scope leaves empty what it does not have.
class Csv {
 public:
  explicit Csv(std::string run) : run_(std::move(run)) {
    text_ = CsvLine(std::vector<std::string>(kHeader.begin(), kHeader.end()));
  }

  void AddRound(const v1::RoundSummary& round, const std::string& node) {
    Add("round", absl::StrCat(round.round()), node, round.footprint());
  }
  void AddNode(const v1::NodeFootprint& node, const std::string& round) {
    Add("node", round, node.node(), node.footprint(), absl::StrCat(node.sent_bytes()),
        absl::StrCat(node.received_bytes()));
  }
  void AddEdge(const v1::Edge& edge, const std::string& round) {
    AddTransfers({run_, "edge", round, edge.from(), edge.to()}, edge.communication(), edge.counted_bytes());
  }
  void AddWaste(const char* of, const v1::WasteFootprint& waste) {
    const bool is_known = v1::Waste_IsValid(waste.waste());  // else of a newer coordinator
    const std::string scope = is_known ? v1::Waste_Name(waste.waste()) : "waste_other";
    AddTransfers({run_, absl::StrCat(of, absl::AsciiStrToLower(scope)), "", "", ""}, waste.communication(),
                 waste.counted_bytes());
  }
  void Add(const std::string& scope, const std::string& round, const std::string& node,
           const v1::Footprint& footprint, const std::string& sent = "", const std::string& received = "") {
    std::vector<std::string> line = {run_, scope, round, node, ""};
    AddEstimate(footprint.computation(), &line);
    AddEstimate(footprint.communication(), &line);
    AddEstimate(footprint.total(), &line);
    AddBounds(footprint.total(), &line);
    line.push_back(absl::StrCat(footprint.counted_bytes()));
    line.push_back(sent);
    line.push_back(received);
    line.push_back(CsvNumber(footprint.cpu_us() / 1e6));
    line.push_back(CsvNumber(footprint.accelerator_us() / 1e6));
    line.push_back(CsvNumber(footprint.compute_us() / 1e6));
    line.push_back(Truth(footprint.compute_is_upper_bound()));
    line.push_back(Truth(footprint.cpu_is_lower_bound()));
    text_ += CsvLine(line);
  }
  const std::string& text() const { return text_; }

 private:
  /// What has no computation.
  void AddTransfers(std::vector<std::string> line, const v1::Estimate& grams, uint64_t counted_bytes) {
    line.insert(line.end(), 3, "");
    AddEstimate(grams, &line);
    AddEstimate(grams, &line);
    AddBounds(grams, &line);
    line.push_back(absl::StrCat(counted_bytes));
    line.insert(line.end(), 7, "");
    text_ += CsvLine(line);
  }
  static const char* Truth(bool value) { return value ? "true" : "false"; }
  static void AddBounds(const v1::Estimate& estimate, std::vector<std::string>* line) {
    line->push_back(Truth(estimate.at_least()));
    line->push_back(Truth(estimate.at_most()));
  }
  static void AddEstimate(const v1::Estimate& estimate, std::vector<std::string>* line) {
    line->push_back(estimate.has_low() ? CsvNumber(estimate.low()) : "");
    line->push_back(CsvNumber(estimate.central()));
    line->push_back(estimate.has_high() ? CsvNumber(estimate.high()) : "");
  }

  const std::string run_;
  std::string text_;
};

}  // namespace

std::string RunCsv(const v1::WatchRunResponse& response) {
  const v1::RunFootprint& run = response.run();
  Csv csv(run.run().id());
  csv.Add("run", "", "", run.footprint());
  for (const v1::RoundSummary& round : response.rounds()) csv.AddRound(round, "");
  for (const v1::NodeFootprint& node : run.nodes()) csv.AddNode(node, "");
  for (const v1::Edge& edge : run.edges()) csv.AddEdge(edge, "");
  for (const v1::WasteFootprint& waste : run.waste()) csv.AddWaste("", waste);
  csv.Add("unattributed", "", "", run.unattributed());
  csv.Add("unattributed_federation", "", "", run.unattributed_federation());
  for (const v1::WasteFootprint& waste : run.unattributed_federation_waste()) {
    csv.AddWaste("unattributed_federation_", waste);
  }
  csv.Add("overhead", "", "", run.overhead().footprint());
  return csv.text();
}

std::string RoundCsv(const v1::RoundFootprint& round) {
  Csv csv(round.run());
  const std::string number = absl::StrCat(round.summary().round());
  csv.AddRound(round.summary(), "");
  for (const v1::NodeFootprint& node : round.nodes()) csv.AddNode(node, number);
  for (const v1::Edge& edge : round.edges()) csv.AddEdge(edge, number);
  return csv.text();
}

std::string NodeCsv(const v1::NodeRounds& rounds) {
  Csv csv(rounds.run());
  csv.AddNode(rounds.node(), "");
  for (const v1::RoundSummary& round : rounds.rounds()) csv.AddRound(round, rounds.node().node());
  for (const v1::Edge& edge : rounds.edges()) csv.AddEdge(edge, "");
  return csv.text();
}

}  // namespace fedcarbon::cli
