#include "fedcarbon/carbon/factors_file.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "fedcarbon/status/status.h"
#include "fedcarbon/toml/toml_reader.h"
#include "fedcarbon/units/pue.h"

namespace fedcarbon {
namespace {

// Debian's absl::string_view is not std::string_view.
absl::string_view Text(const toml::key& key) { return {key.str().data(), key.str().size()}; }

class FactorsFile {
 public:
  FactorsFile(FactorSet factors, const std::string& name)
      : toml_(name, "lib/fedcarbon/carbon/README.md"), factors_(std::move(factors)), name_(name) {}

  absl::StatusOr<FactorSet> Read(absl::string_view text) {
    const auto read = [this](absl::Status (FactorsFile::*read)(const toml::node&)) {
      return [this, read](const std::string&, const toml::node& node) { return (this->*read)(node); };
    };
    // The table as a whole first, so that single values override it.
    RETURN_IF_ERROR(toml_.Read(text, {{"grid_intensity_csv", read(&FactorsFile::ReadGridTable)},
                                      {"grid_intensity", read(&FactorsFile::ReadGridIntensities)},
                                      {"pue", read(&FactorsFile::ReadPues)},
                                      {"watts_per_core", Stated(0, &factors_.watts_per_core)},
                                      {"accelerator_watts", Stated(0, &factors_.accelerator_watts)},
                                      {"network", read(&FactorsFile::ReadNetworks)}}));
    return std::move(factors_);
  }

 private:
  absl::Status Unknown(const toml::key& key, absl::string_view kind, absl::string_view known) const {
    return toml_.Error(key.source(), absl::StrCat("unknown ", kind, " \"", Text(key), "\": use ", known));
  }

  absl::StatusOr<const toml::table*> Table(const toml::node& node, absl::string_view remedy) const {
    if (const toml::table* table = node.as_table(); table != nullptr) return table;
    return toml_.Error(node.source(), absl::StrCat("a table is wanted here: ", remedy));
  }

  absl::Status ReadGridTable(const toml::node& node) {
    const std::optional<std::string> csv = node.value_exact<std::string>();
    if (!csv.has_value()) {
      return toml_.Error(node.source(), "text is wanted here: the table in three quotation marks");
    }
    absl::StatusOr<GridIntensities> intensities = ParseGridIntensities(*csv, "grid_intensity_csv", name_);
    if (!intensities.ok()) return toml_.Error(node.source(), std::string(intensities.status().message()));
    factors_.grid_intensity = *std::move(intensities);
    return absl::OkStatus();
  }

  absl::Status ReadGridIntensities(const toml::node& node) {
    ASSIGN_OR_RETURN(const toml::table* const table, Table(node, "[grid_intensity]"));
    for (const auto& [country, value] : *table) {
      const auto factor = factors_.grid_intensity.find(Text(country));
      if (factor == factors_.grid_intensity.end()) {
        return Unknown(
            country, "country",
            "an ISO 3166 alpha-3 code or region of the table (`fedcarbon` lists them), or replace the "
            "table by grid_intensity_csv");
      }
      RETURN_IF_ERROR(Replace(value, 0, &factor->second));
    }
    return absl::OkStatus();
  }

  absl::Status ReadPues(const toml::node& node) {
    ASSIGN_OR_RETURN(const toml::table* const table, Table(node, "[pue]"));
    return toml_.ReadKeys("", *table,
                          {{"datacentre", Stated(kMinPue, &factors_.pue_datacentre)},
                           {"other", Stated(kMinPue, &factors_.pue_other)}});
  }

  absl::Status ReadNetworks(const toml::node& node) {
    ASSIGN_OR_RETURN(const toml::table* const table, Table(node, "[network.\"net.default/1\"]"));
    for (const auto& [id, links] : *table) {
      const NetworkModel* model = FindNetworkModel(Text(id));
      if (model == nullptr || model->legacy) {
        std::vector<absl::string_view> known;
        for (const NetworkModel& candidate : NetworkModels()) {
          if (!candidate.legacy) known.push_back(candidate.id);
        }
        return Unknown(id, model == nullptr ? "network model" : "(because legacy, fixed) network model",
                       absl::StrJoin(known, ", "));
      }
      RETURN_IF_ERROR(ReadNetwork(*model, links));
    }
    return absl::OkStatus();
  }

  absl::Status ReadNetwork(const NetworkModel& model, const toml::node& node) {
    ASSIGN_OR_RETURN(const toml::table* const table, Table(node, "{ fixed = ... }"));
    for (const auto& [name, value] : *table) {
      v1::LinkKind link = v1::LINK_KIND_UNSPECIFIED;
      for (v1::LinkKind kind :
           {v1::LINK_KIND_FIXED, v1::LINK_KIND_MOBILE, v1::LINK_KIND_LAN, v1::LINK_KIND_DATACENTRE}) {
        if (Text(name) == LinkName(kind)) link = kind;
      }
      if (link == v1::LINK_KIND_UNSPECIFIED) {
        return Unknown(name, "link kind", "fixed, mobile, lan, datacentre");
      }
      Factor factor;
      factor.name = absl::StrCat("network.", model.id, ".", LinkName(link));
      factor.unit = Unit::kKilowattHoursPerGigabyte;
      RETURN_IF_ERROR(Replace(value, 0, &factor));
      factors_.network[model.id][link] = std::move(factor);
    }
    return absl::OkStatus();
  }

  ValueReader Stated(double minimum, Factor* factor) {
    return [=](const std::string&, const toml::node& node) { return Replace(node, minimum, factor); };
  }

  // A number, or { low, central, high, year, source }, in place of `factor`'s value.
  absl::Status Replace(const toml::node& node, double minimum, Factor* factor) {
    Factor stated;
    stated.name = factor->name;
    stated.unit = factor->unit;
    stated.source = name_;
    if (stated.name == absl::StrCat("grid_intensity.", kWorld)) stated.flags.push_back("world average");
    if (const toml::table* table = node.as_table(); table != nullptr) {
      RETURN_IF_ERROR(ReadFactor(*table, minimum, &stated));
    } else {
      std::optional<double> central;
      RETURN_IF_ERROR(Number(minimum, &central)("", node));
      stated.value = Estimate<double>::Unstated(*central);
    }
    *factor = std::move(stated);
    return absl::OkStatus();
  }

  absl::Status ReadFactor(const toml::table& table, double minimum, Factor* factor) {
    std::optional<double> low, central, high;
    RETURN_IF_ERROR(toml_.ReadKeys("", table,
                                   {{"low", Number(minimum, &low)},
                                    {"central", Number(minimum, &central)},
                                    {"high", Number(minimum, &high)},
                                    {"year", Year(&factor->year)},
                                    {"source", Source(&factor->source)}}));
    if (!central.has_value()) return toml_.Error(table.source(), "no central value: add central = ...");
    if (low.has_value() != high.has_value()) {
      return toml_.Error(table.source(), "low and high stand together or not at all: state both or neither");
    }
    if (!low.has_value()) {
      factor->value = Estimate<double>::Unstated(*central);
      return absl::OkStatus();
    }
    if (*low > *central || *central > *high) {
      return toml_.Error(
          table.source(),
          absl::StrFormat("low %.15g, central %.15g, high %.15g are not in this order: none may be "
                          "greater than the next",
                          *low, *central, *high));
    }
    factor->value = Estimate<double>::Within(*low, *central, *high);
    factor->meaning = absl::StrCat("stated in ", name_);
    return absl::OkStatus();
  }

  ValueReader Number(double minimum, std::optional<double>* number) const {
    return [=](const std::string&, const toml::node& node) {
      const std::optional<double> value = node.is_number() ? node.value<double>() : std::nullopt;
      if (!value.has_value()) {
        return toml_.Error(node.source(),
                           "a number is wanted here, or { low = ..., central = ..., high = ... }");
      }
      if (!(*value >= minimum) || !(*value <= kMaxFactor)) {
        return toml_.Error(node.source(),
                           absl::StrFormat("%.15g is outside of %.15g to %.15g: state a number within",
                                           *value, minimum, kMaxFactor));
      }
      *number = value;
      return absl::OkStatus();
    };
  }

  ValueReader Year(int* year) const {
    return [=](const std::string&, const toml::node& node) {
      const std::optional<int64_t> value = node.value_exact<int64_t>();
      if (!value.has_value() || *value < kFirstFactorYear || *value > kLastFactorYear) {
        return toml_.Error(node.source(),
                           absl::StrCat("a whole number from ", kFirstFactorYear, " to ", kLastFactorYear,
                                        " is wanted here: the year that the value is for"));
      }
      *year = static_cast<int>(*value);
      return absl::OkStatus();
    };
  }

  ValueReader Source(std::string* source) const {
    return [=](const std::string&, const toml::node& node) {
      const std::optional<std::string> value = node.value_exact<std::string>();
      if (!value.has_value()) {
        return toml_.Error(node.source(), "text is wanted here: where the value is from");
      }
      *source = *value;
      return absl::OkStatus();
    };
  }

  const TomlReader toml_;
  FactorSet factors_;
  const std::string& name_;
};

}  // namespace

absl::StatusOr<FactorSet> LoadFactors(const FactorSet& base, absl::string_view toml,
                                      const std::string& name) {
  if (toml.size() > kMaxFactorsText) {
    return absl::InvalidArgumentError(absl::StrCat(name, ":1:1: ", toml.size(), " bytes, at most ",
                                                   kMaxFactorsText, " are read: shorten it"));
  }
  return FactorsFile(base, name).Read(toml);
}

}  // namespace fedcarbon
