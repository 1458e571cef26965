#include "node/demo/record.h"

#include <cstdio>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace fedcarbon::demo {
namespace {

/// False if the line is none of the four.
bool ReadLine(const std::string& line, Record* record) {
  std::istringstream words(line);
  std::string kind, node;
  uint64_t round = 0;
  Score score;
  ByteCount count;
  words >> kind;
  if (kind == "run") {
    words >> record->run;
  } else if (kind == "round") {
    words >> round >> score.correct >> score.rows;
    record->rounds[round] = score;
  } else if (kind == "pooled") {
    words >> record->pooled.correct >> record->pooled.rows;
  } else if (kind == "bytes") {
    words >> node >> count.sent >> count.received;
    record->bytes[node].sent += count.sent;
    record->bytes[node].received += count.received;
  } else {
    return false;
  }
  return !words.fail() && (words >> std::ws).eof();
}

}  // namespace

absl::Status WriteRecord(const std::string& path, const Record& record) {
  if (path.empty()) return absl::OkStatus();
  const std::string fresh = path + ".new";
  std::ofstream file(fresh);
  if (!record.run.empty()) file << "run " << record.run << "\n";
  for (const auto& [round, score] : record.rounds) {
    file << "round " << round << " " << score.correct << " " << score.rows << "\n";
  }
  if (record.pooled.rows > 0) file << "pooled " << record.pooled.correct << " " << record.pooled.rows << "\n";
  for (const auto& [node, count] : record.bytes) {
    file << "bytes " << node << " " << count.sent << " " << count.received << "\n";
  }
  file.close();
  if (!file || std::rename(fresh.c_str(), path.c_str()) != 0) {
    return absl::UnavailableError(absl::StrCat("cannot write the record ", path));
  }
  return absl::OkStatus();
}

absl::StatusOr<Record> ReadRecords(const std::vector<std::string>& paths) {
  Record record;
  for (const std::string& path : paths) {
    std::ifstream file(path);
    if (!file) return absl::NotFoundError(absl::StrCat("cannot read the record ", path));
    std::string line;
    for (int number = 1; std::getline(file, line); ++number) {
      if (!ReadLine(line, &record)) {
        return absl::InvalidArgumentError(
            absl::StrCat(path, ":", number, ": not a line of a record: ", line));
      }
    }
  }
  return record;
}

}  // namespace fedcarbon::demo
