// A connection to an SQLite database and its statements, closed when they go.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/container/node_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct sqlite3;
struct sqlite3_stmt;

namespace fedcarbon::server {

class Database;

/// Bytes for a BLOB parameter, where a string would be text.
struct Blob {
  std::string_view bytes;
};

/// What a connection keeps of one text of SQL.
struct PreparedStatement {
  sqlite3_stmt* handle = nullptr;  // null: could not be prepared
  bool in_use = false;
};

/// A prepared statement, in use until it goes out of scope. One that could not be prepared says so at Step.
class Statement {
 public:
  /// Both must outlive this; `prepared` must not be in use.
  Statement(Database* database, PreparedStatement* prepared);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  /// Binds the next parameters, from the first on; unsigned numbers by their 64 bits. Text and bytes must
  /// outlive the statement's use.
  template <typename... Values>
  Statement& Bind(const Values&... values) {
    (BindNext(values), ...);
    return *this;
  }

  /// Makes it ready to be bound and run again.
  Statement& Restart();

  /// Goes to the next row. False: there is none.
  absl::StatusOr<bool> Step();

  /// Runs a statement that returns no rows, and restarts it.
  absl::Status Run();

  /// Columns of the current row, from 0.
  int64_t Int(int column) const;
  std::string_view Bytes(int column) const;
  std::optional<int64_t> OptionalInt(int column) const;
  int columns() const;
  std::string_view ColumnName(int column) const;

 private:
  template <typename Number, std::enable_if_t<std::is_integral_v<Number> || std::is_enum_v<Number>, int> = 0>
  void BindNext(Number value) {
    BindInt(static_cast<int64_t>(value));
  }
  void BindNext(const std::optional<int64_t>& value);
  void BindNext(std::string_view text);
  void BindNext(const std::string& text) { BindNext(std::string_view(text)); }
  void BindNext(Blob blob);
  void BindInt(int64_t value);

  Database* database_;
  PreparedStatement* prepared_;
  sqlite3_stmt* statement_;  // prepared_->handle
  int next_ = 1;
};

/// Not thread-safe: one thread at a time. Errors name the file; codes as store.h says.
class Database {
 public:
  /// Opens the existing file `path`; statements wait up to 10 s for another process's lock.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Each text is prepared once per connection and kept, so there must be few of them: values are bound. Of
  /// one text one statement is in use at a time; a second one would end the first one's rows, and aborts
  /// instead.
  Statement Prepare(absl::string_view sql);

  /// Runs any number of statements.
  absl::Status Execute(const std::string& sql);

  int64_t last_insert_id() const;

  /// Copies all of this database, as one transaction sees it, into the existing empty file `path`.
  absl::Status CopyTo(const std::string& path);

  /// The last error of this connection.
  absl::Status Error() const;

  const std::string& path() const { return path_; }

 private:
  Database(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}

  std::string path_;
  sqlite3* handle_;
  absl::node_hash_map<std::string, PreparedStatement> statements_;  // by their SQL
};

/// BEGIN IMMEDIATE, and ROLLBACK unless it was committed.
class Transaction {
 public:
  explicit Transaction(Database* database)
      : database_(database), begun_(database->Execute("BEGIN IMMEDIATE")) {}
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  /// Whether it could begin.
  const absl::Status& begun() const { return begun_; }
  absl::Status Commit();

 private:
  Database* database_;
  absl::Status begun_;
  bool done_ = false;
};

}  // namespace fedcarbon::server
