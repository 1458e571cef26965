#include "fedcarbon/carbon/factors_file.h"

#include <toml++/toml.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "fedcarbon/units/pue.h"

namespace fedcarbon {
namespace {

// Debian's absl::string_view is not std::string_view.
absl::string_view Text(const toml::key& key) { return {key.str().data(), key.str().size()}; }

class FactorsFile {
 public:
  FactorsFile(FactorSet factors, const std::string& name) : factors_(std::move(factors)), name_(name) {}

  absl::Status Read(const toml::table& file) {
    // The table as a whole first, whatever the order in the file, so that single values override it.
    if (const toml::node* csv = file.get("grid_intensity_csv"); csv != nullptr) {
      if (absl::Status status = ReadGridTable(*csv); !status.ok()) return status;
    }
    for (const auto& [key, node] : file) {
      absl::Status status;
      if (key == "grid_intensity") {
        status = ReadGridIntensities(node);
      } else if (key == "pue") {
        status = ReadPues(node);
      } else if (key == "watts_per_core") {
        status = Replace(node, 0, &factors_.watts_per_core);
      } else if (key == "accelerator_watts") {
        status = Replace(node, 0, &factors_.accelerator_watts);
      } else if (key == "network") {
        status = ReadNetworks(node);
      } else if (key != "grid_intensity_csv") {
        status =
            Unknown(key, "key",
                    "grid_intensity, grid_intensity_csv, pue, watts_per_core, accelerator_watts, network");
      }
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  FactorSet Take() { return std::move(factors_); }

 private:
  absl::Status Error(const toml::source_region& where, absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat(name_, ":", where.begin.line, ":", where.begin.column, ": ", what));
  }

  absl::Status Unknown(const toml::key& key, absl::string_view kind, absl::string_view known) const {
    return Error(key.source(), absl::StrCat("unknown ", kind, " \"", Text(key), "\": use ", known));
  }

  absl::StatusOr<const toml::table*> Table(const toml::node& node, absl::string_view remedy) const {
    if (const toml::table* table = node.as_table(); table != nullptr) return table;
    return Error(node.source(), absl::StrCat("a table is wanted here: ", remedy));
  }

  absl::Status ReadGridTable(const toml::node& node) {
    const std::optional<std::string> csv = node.value_exact<std::string>();
    if (!csv.has_value())
      return Error(node.source(), "text is wanted here: the table in three quotation marks");
    absl::StatusOr<GridIntensities> intensities = ParseGridIntensities(*csv, "grid_intensity_csv", name_);
    if (!intensities.ok()) return Error(node.source(), intensities.status().message());
    factors_.grid_intensity = *std::move(intensities);
    return absl::OkStatus();
  }

  absl::Status ReadGridIntensities(const toml::node& node) {
    const absl::StatusOr<const toml::table*> table = Table(node, "[grid_intensity]");
    if (!table.ok()) return table.status();
    for (const auto& [country, value] : **table) {
      const auto factor = factors_.grid_intensity.find(Text(country));
      if (factor == factors_.grid_intensity.end()) {
        return Unknown(
            country, "country",
            "an ISO 3166 alpha-3 code or region of the table (`fedcarbon` lists them), or replace the "
            "table by grid_intensity_csv");
      }
      if (absl::Status status = Replace(value, 0, &factor->second); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status ReadPues(const toml::node& node) {
    const absl::StatusOr<const toml::table*> table = Table(node, "[pue]");
    if (!table.ok()) return table.status();
    for (const auto& [place, value] : **table) {
      Factor* factor = place == "datacentre" ? &factors_.pue_datacentre
                       : place == "other"    ? &factors_.pue_other
                                             : nullptr;
      if (factor == nullptr) return Unknown(place, "key", "datacentre, other");
      if (absl::Status status = Replace(value, kMinPue, factor); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status ReadNetworks(const toml::node& node) {
    const absl::StatusOr<const toml::table*> table = Table(node, "[network.\"net.default/1\"]");
    if (!table.ok()) return table.status();
    for (const auto& [id, links] : **table) {
      const NetworkModel* model = FindNetworkModel(Text(id));
      if (model == nullptr || model->legacy) {
        std::vector<absl::string_view> known;
        for (const NetworkModel& candidate : NetworkModels()) {
          if (!candidate.legacy) known.push_back(candidate.id);
        }
        return Unknown(id, model == nullptr ? "network model" : "(because legacy, fixed) network model",
                       absl::StrJoin(known, ", "));
      }
      if (absl::Status status = ReadNetwork(*model, links); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status ReadNetwork(const NetworkModel& model, const toml::node& node) {
    const absl::StatusOr<const toml::table*> table = Table(node, "{ fixed = ... }");
    if (!table.ok()) return table.status();
    for (const auto& [name, value] : **table) {
      v1::LinkKind link = v1::LINK_KIND_UNSPECIFIED;
      for (v1::LinkKind kind :
           {v1::LINK_KIND_FIXED, v1::LINK_KIND_MOBILE, v1::LINK_KIND_LAN, v1::LINK_KIND_DATACENTRE}) {
        if (Text(name) == LinkName(kind)) link = kind;
      }
      if (link == v1::LINK_KIND_UNSPECIFIED)
        return Unknown(name, "link kind", "fixed, mobile, lan, datacentre");
      Factor factor;
      factor.name = absl::StrCat("network.", model.id, ".", LinkName(link));
      factor.unit = Unit::kKilowattHoursPerGigabyte;
      if (absl::Status status = Replace(value, 0, &factor); !status.ok()) return status;
      factors_.network[model.id][link] = std::move(factor);
    }
    return absl::OkStatus();
  }

  // A number, or { low, central, high, year, source }, in place of `factor`'s value.
  absl::Status Replace(const toml::node& node, double minimum, Factor* factor) {
    Factor stated;
    stated.name = factor->name;
    stated.unit = factor->unit;
    stated.source = name_;
    if (stated.name == absl::StrCat("grid_intensity.", kWorld)) stated.flags.push_back("world average");
    absl::Status status;
    if (const toml::table* table = node.as_table(); table != nullptr) {
      status = ReadFactor(*table, minimum, &stated);
    } else {
      double central = 0;
      status = ReadNumber(node, minimum, &central);
      stated.value = Estimate<double>::Unstated(central);
    }
    if (status.ok()) *factor = std::move(stated);
    return status;
  }

  absl::Status ReadFactor(const toml::table& table, double minimum, Factor* factor) {
    std::optional<double> low, central, high;
    for (const auto& [key, value] : table) {
      absl::Status status;
      if (key == "low") {
        status = ReadNumber(value, minimum, &low.emplace());
      } else if (key == "central") {
        status = ReadNumber(value, minimum, &central.emplace());
      } else if (key == "high") {
        status = ReadNumber(value, minimum, &high.emplace());
      } else if (key == "year") {
        status = ReadYear(value, &factor->year);
      } else if (key == "source") {
        status = ReadSource(value, &factor->source);
      } else {
        status = Unknown(key, "key", "low, central, high, year, source");
      }
      if (!status.ok()) return status;
    }
    if (!central.has_value()) return Error(table.source(), "no central value: add central = ...");
    if (low.has_value() != high.has_value()) {
      return Error(table.source(), "low and high stand together or not at all: state both or neither");
    }
    if (!low.has_value()) {
      factor->value = Estimate<double>::Unstated(*central);
      return absl::OkStatus();
    }
    if (*low > *central || *central > *high) {
      return Error(table.source(),
                   absl::StrFormat("low %.15g, central %.15g, high %.15g are not in this order: none may be "
                                   "greater than the next",
                                   *low, *central, *high));
    }
    factor->value = Estimate<double>::Within(*low, *central, *high);
    factor->meaning = absl::StrCat("stated in ", name_);
    return absl::OkStatus();
  }

  absl::Status ReadNumber(const toml::node& node, double minimum, double* number) const {
    const std::optional<double> value = node.is_number() ? node.value<double>() : std::nullopt;
    if (!value.has_value()) {
      return Error(node.source(), "a number is wanted here, or { low = ..., central = ..., high = ... }");
    }
    if (!(*value >= minimum) || !(*value <= kMaxFactor)) {
      return Error(node.source(), absl::StrFormat("%.15g is outside of %.15g to %.15g: state a number within",
                                                  *value, minimum, kMaxFactor));
    }
    *number = *value;
    return absl::OkStatus();
  }

  absl::Status ReadYear(const toml::node& node, int* year) const {
    const std::optional<int64_t> value = node.value_exact<int64_t>();
    if (!value.has_value() || *value < kFirstFactorYear || *value > kLastFactorYear) {
      return Error(node.source(),
                   absl::StrCat("a whole number from ", kFirstFactorYear, " to ", kLastFactorYear,
                                " is wanted here: the year that the value is for"));
    }
    *year = static_cast<int>(*value);
    return absl::OkStatus();
  }

  absl::Status ReadSource(const toml::node& node, std::string* source) const {
    const std::optional<std::string> value = node.value_exact<std::string>();
    if (!value.has_value()) return Error(node.source(), "text is wanted here: where the value is from");
    *source = *value;
    return absl::OkStatus();
  }

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
  FactorsFile file(base, name);
  try {
    const toml::table table = toml::parse(std::string_view(toml.data(), toml.size()), name);
    if (absl::Status status = file.Read(table); !status.ok()) return status;
  } catch (const toml::parse_error& error) {  // the library's own way; it ends here
    return absl::InvalidArgumentError(absl::StrCat(name, ":", error.source().begin.line, ":",
                                                   error.source().begin.column,
                                                   ": not TOML: ", std::string(error.description()),
                                                   ": see lib/fedcarbon/carbon/README.md for the format"));
  }
  return file.Take();
}

}  // namespace fedcarbon
