#include "server/store/sqlite/database.h"

#include <sqlite3.h>

#include "absl/strings/str_cat.h"
#include "fedcarbon/status/check.h"
#include "fedcarbon/status/status.h"

namespace fedcarbon::server {
namespace {

constexpr int kBusyTimeoutMs = 10'000;

absl::Status ErrorOf(int code, const char* message, const std::string& path) {
  const std::string text = absl::StrCat("'", path, "': ", message);
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(absl::StrCat(text, ": another process uses it; try again"));
    case SQLITE_NOTADB:
      return absl::DataLossError(absl::StrCat(
          text, ": no database, or a damaged one; restore a backup, or choose another data folder"));
    case SQLITE_CORRUPT:
      return absl::DataLossError(absl::StrCat(text, ": restore a backup"));
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(absl::StrCat(text, ": free space on this file system"));
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return absl::PermissionDeniedError(
          absl::StrCat(text, ": let this user read and write the file and its folder"));
    default:
      return absl::InternalError(absl::StrCat(text, " (SQLite error ", code, ")"));
  }
}

}  // namespace

Statement::Statement(Database* database, PreparedStatement* prepared)
    : database_(database), prepared_(prepared), statement_(prepared->handle) {
  FEDCARBON_CHECK(!prepared->in_use);
  prepared->in_use = true;
}

Statement::~Statement() {
  prepared_->in_use = false;
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void Statement::BindInt(int64_t value) { sqlite3_bind_int64(statement_, next_++, value); }
void Statement::BindNext(std::string_view text) {
  sqlite3_bind_text64(statement_, next_++, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
}
void Statement::BindNext(Blob blob) {
  sqlite3_bind_blob64(statement_, next_++, blob.bytes.data(), blob.bytes.size(), SQLITE_STATIC);
}
void Statement::BindNext(const std::optional<int64_t>& value) {
  if (value) {
    BindInt(*value);
  } else {
    sqlite3_bind_null(statement_, next_++);
  }
}

absl::StatusOr<bool> Statement::Step() {
  if (statement_ == nullptr) return database_->Error();
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_->Error();
}

Statement& Statement::Restart() {
  sqlite3_reset(statement_);
  next_ = 1;
  return *this;
}

absl::Status Statement::Run() {
  const absl::Status status = Step().status();
  Restart();
  return status;
}

int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }
std::string_view Statement::Bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  return {static_cast<const char*>(data), static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}
std::optional<int64_t> Statement::OptionalInt(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
  return Int(column);
}
int Statement::columns() const { return sqlite3_column_count(statement_); }
std::string_view Statement::ColumnName(int column) const { return sqlite3_column_name(statement_, column); }

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<Database> database(new Database(path, handle));
  if (code != SQLITE_OK) return database->Error();
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  return database;
}

Database::~Database() {
  for (const auto& [sql, prepared] : statements_) sqlite3_finalize(prepared.handle);
  sqlite3_close(handle_);
}

Statement Database::Prepare(absl::string_view sql) {
  PreparedStatement& prepared = statements_[sql];
  if (prepared.handle == nullptr) {
    sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                       &prepared.handle, nullptr);
  }
  return Statement(this, &prepared);
}

absl::Status Database::Execute(const std::string& sql) {
  return sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK ? absl::OkStatus()
                                                                                    : Error();
}

int64_t Database::last_insert_id() const { return sqlite3_last_insert_rowid(handle_); }

absl::Status Database::CopyTo(const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Database> copy, Open(path));
  sqlite3_backup* backup = sqlite3_backup_init(copy->handle_, "main", handle_, "main");
  if (backup == nullptr) return copy->Error();
  // All pages in one step: one read transaction, which in WAL mode neither waits for writers nor stops them.
  sqlite3_backup_step(backup, -1);
  return sqlite3_backup_finish(backup) == SQLITE_OK ? absl::OkStatus() : copy->Error();
}

absl::Status Database::Error() const {
  if (handle_ == nullptr) return absl::ResourceExhaustedError("out of memory");
  return ErrorOf(sqlite3_extended_errcode(handle_), sqlite3_errmsg(handle_), path_);
}

Transaction::~Transaction() {
  if (begun_.ok() && !done_) database_->Execute("ROLLBACK").IgnoreError();
}

absl::Status Transaction::Commit() {
  const absl::Status status = database_->Execute("COMMIT");
  done_ = status.ok();
  return status;
}

}  // namespace fedcarbon::server
