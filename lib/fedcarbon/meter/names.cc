#include "fedcarbon/meter/names.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"

namespace fedcarbon {

namespace {

// The 249 codes that ISO 3166-1 assigns (as in Debian 12's iso-codes), and XKX, which Ember's table assigns
// to Kosovo. A space stands before and after each.
constexpr std::string_view kCountryCodes =
    " ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR "
    "BHR BHS BIH BLM BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG "
    "COK COL COM CPV CRI CUB CUW CXR CYM CYP CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH "
    "FIN FJI FLK FRA FRO FSM GAB GBR GEO GGY GHA GIB GIN GLP GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY "
    "HKG HMD HND HRV HTI HUN IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA JAM JEY JOR JPN KAZ KEN KGZ KHM "
    "KIR KNA KOR KWT LAO LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA MAC MAF MAR MCO MDA MDG MDV MEX MHL "
    "MKD MLI MLT MMR MNE MNG MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL NER NFK NGA NIC NIU NLD NOR "
    "NPL NRU NZL OMN PAK PAN PCN PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF QAT REU ROU RUS RWA SAU "
    "SDN SEN SGP SGS SHN SJM SLB SLE SLV SMR SOM SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR TCA "
    "TCD TGO THA TJK TKL TKM TLS TON TTO TUN TUR TUV TWN TZA UGA UKR UMI URY USA UZB VAT VCT VEN VGB "
    "VIR VNM VUT WLF WSM XKX YEM ZAF ZMB ZWE ";

bool IsMadeOf(std::string_view text, size_t max_size, std::string_view punctuation) {
  return !text.empty() && text.size() <= max_size && std::all_of(text.begin(), text.end(), [&](char c) {
    return absl::ascii_isalnum(c) || punctuation.find(c) != std::string_view::npos;
  });
}

bool IsLowerAlphanumeric(char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c); }

bool IsDnsLabel(std::string_view label) {
  return !label.empty() && label.size() <= 63 && IsLowerAlphanumeric(label.front()) &&
         IsLowerAlphanumeric(label.back()) &&
         std::all_of(label.begin(), label.end(), [](char c) { return IsLowerAlphanumeric(c) || c == '-'; });
}

}  // namespace

bool IsNodeName(std::string_view name) {
  if (name.size() > 253) return false;
  while (true) {
    const size_t dot = name.find('.');
    if (!IsDnsLabel(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

bool IsRunId(std::string_view run) { return IsMadeOf(run, 64, "._:-"); }

bool IsMethodName(std::string_view name) { return IsMadeOf(name, 128, "_./-"); }

bool IsCountryCode(std::string_view code) {
  return code.size() == 3 && kCountryCodes.find(" " + std::string(code) + " ") != std::string_view::npos;
}

}  // namespace fedcarbon
