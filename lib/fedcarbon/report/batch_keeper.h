// Sealed batches as files, for those who want to see what leaves: FEDCARBON_KEEP, and `fedcarbon inspect`.
#pragma once

#include <string>
#include <string_view>

#include "fedcarbon/report/batch_format.h"

namespace fedcarbon {

/// Writes each batch as `<node>-<epoch, 16 hex digits>-<sequence>.batch`, mode 0600, into a directory that
/// exists. Used by one thread. A failure is logged once, and again after a success; it hurts nothing else.
class BatchKeeper {
 public:
  explicit BatchKeeper(std::string directory) : directory_(std::move(directory)) {}

  void Write(const BatchId& id, std::string_view sealed);

 private:
  const std::string directory_;
  bool failed_ = false;
};

}  // namespace fedcarbon
