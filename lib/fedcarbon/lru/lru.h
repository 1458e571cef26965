// A map that forgets.
#pragma once

#include <cstddef>
#include <list>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace fedcarbon {

/// Keeps the `bound` entries that were used last. Not thread-safe.
template <typename Key, typename Value>
class Lru {
 public:
  explicit Lru(size_t bound) : bound_(bound) {}

  /// Null: unknown, or forgotten. Uses it. Valid until the next Put().
  Value* Find(const Key& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->second;
  }

  /// In place of what was there.
  Value& Put(const Key& key, Value value) {
    if (Value* const known = Find(key)) return *known = std::move(value);
    if (entries_.size() == bound_) TakeOldest();
    entries_.emplace_front(key, std::move(value));
    places_.emplace(key, entries_.begin());
    return entries_.front().second;
  }

  /// Takes out what was not used longest, for a caller with a bound of its own. There must be an entry.
  Value TakeOldest() {
    Value oldest = std::move(entries_.back().second);
    places_.erase(entries_.back().first);
    entries_.pop_back();
    return oldest;
  }

  void Erase(const Key& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return;
    entries_.erase(found->second);
    places_.erase(found);
  }

  size_t size() const { return entries_.size(); }

 private:
  using Entries = std::list<std::pair<Key, Value>>;

  const size_t bound_;
  Entries entries_;  // the one that was used last first
  absl::flat_hash_map<Key, typename Entries::iterator> places_;
};

}  // namespace fedcarbon
