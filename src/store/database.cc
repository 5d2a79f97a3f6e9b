#include "store/database.h"

#include "base/log.h"
#include "base/time.h"
#include "store/reserve.h"
#include "sys/file.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fmt/core.h>
#include <sqlite3.h>
#include <sys/stat.h>

namespace store {

namespace {

constexpr int cache_kib = 256;
constexpr int checkpoint_pages = 256;

struct Statement {
    sqlite3_stmt* handle = nullptr;
    ~Statement() { sqlite3_finalize(handle); }
};

Error sqlite_error(sqlite3* database, std::string_view what) {
    int code = database == nullptr ? SQLITE_NOMEM : sqlite3_errcode(database);
    std::string text = database == nullptr ? "out of memory" : sqlite3_errmsg(database);
    // SQLite leaves open which of the two it is; a file system is what ends.
    bool full =
        code == SQLITE_FULL ||
        (database != nullptr && (code & 0xff) == SQLITE_IOERR &&
         (sqlite3_system_errno(database) == ENOSPC || sqlite3_system_errno(database) == EDQUOT));
    if (full) text = "no space left on device";
    Kind kind = code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? Kind::invalid : Kind::internal;
    return Error(kind, fmt::format("state database: {}: {}", what, text));
}

Status run(sqlite3* database, const char* sql) {
    if (sqlite3_exec(database, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
        return sqlite_error(database, sql);
    return {};
}

Status prepare(sqlite3* database, const char* sql, Statement& statement) {
    if (sqlite3_prepare_v2(database, sql, -1, &statement.handle, nullptr) != SQLITE_OK)
        return sqlite_error(database, sql);
    return {};
}

void bind_text(Statement& statement, int at, std::string_view text) {
    sqlite3_bind_text(statement.handle, at, text.data(), static_cast<int>(text.size()),
                      SQLITE_STATIC);
}

std::string column(Statement& statement, int at) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement.handle, at));
    return {text == nullptr ? "" : text,
            static_cast<std::size_t>(sqlite3_column_bytes(statement.handle, at))};
}

// A transaction whose sync failed stands complete in the log: the next start would find it there,
// after its failure was told and what it speaks of removed. Another one takes its place in the log.
void disown_failed(sqlite3* database) {
    constexpr const char* sql =
        "BEGIN IMMEDIATE;"
        "INSERT OR REPLACE INTO records(kind, key, json) VALUES(-1, '', '');"
        "DELETE FROM records WHERE kind = -1;"
        "COMMIT;";
    Status done = run(database, sql);
    if (!done) {
        (void)run(database, "ROLLBACK;");
        base::log::warn("{}", done.error().message());
    }
}

Result<sqlite3*> open_file(const std::string& path) {
    sqlite3* database = nullptr;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    auto fail = [&](Error error) {
        sqlite3_close(database);
        return error;
    };
    // Its log and index get the modes of the file as it is when they are made.
    if (Fd made(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)); made)
        (void)::fchmod(made.get(), 0600);
    if (sqlite3_open_v2(path.c_str(), &database, flags, nullptr) != SQLITE_OK)
        return fail(sqlite_error(database, "open " + path));
    std::string settings =
        fmt::format("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-{};"
                    "PRAGMA wal_autocheckpoint={}; PRAGMA mmap_size=0;",
                    cache_kib, checkpoint_pages);
    if (Status done = run(database, settings.c_str()); !done) return fail(done.error());
    Status made =
        run(database, "CREATE TABLE IF NOT EXISTS records(kind INTEGER NOT NULL, key TEXT NOT NULL,"
                      " json TEXT NOT NULL, PRIMARY KEY(kind, key)) WITHOUT ROWID;");
    if (!made) return fail(made.error());
    Statement check;
    if (Status done = prepare(database, "PRAGMA quick_check(1);", check); !done)
        return fail(done.error());
    if (sqlite3_step(check.handle) != SQLITE_ROW || column(check, 0) != "ok")
        return fail(Error(Kind::invalid, "state database: quick_check failed"));
    return database;
}

}  // namespace

std::string_view table_name(Table table) {
    constexpr std::string_view names[table_count] = {
        "images", "tags", "layers", "containers", "networks", "volumes", "settings", "layer_blobs"};
    return names[static_cast<int>(table)];
}

struct Database::Parts {
    std::mutex mutex;
    sqlite3* database = nullptr;
    std::function<bool()> relief;
    ~Parts() { sqlite3_close(database); }
};

Database::Database(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Database::Database(Database&&) noexcept = default;
Database::~Database() = default;

Result<Database> Database::open(const std::string& data_root, std::function<bool()> relief) {
    std::string path = data_root + "/state.db";
    auto parts = std::make_unique<Parts>();
    std::optional<std::string> aside;
    Result<sqlite3*> opened = open_file(path);
    while (!opened && is_disk_full(opened.error()) && relief && relief())
        opened = open_file(path);
    if (!opened && opened.error().kind() == Kind::invalid) {
        aside = fmt::format("{}.damaged-{}", path, base::now().seconds());
        base::log::warn("state database is damaged and set aside as={} reason={}", *aside,
                        opened.error().message());
        if (std::rename(path.c_str(), aside->c_str()) != 0)
            return base::errno_error(errno, "set aside " + path);
        // The log and its index belong to the damaged file.
        std::rename((path + "-wal").c_str(), (*aside + "-wal").c_str());
        std::remove((path + "-shm").c_str());
        opened = open_file(path);
    }
    if (!opened) return opened.error();
    parts->database = *opened;
    parts->relief = std::move(relief);
    Database database(std::move(parts));
    database.set_aside_ = aside;
    return database;
}

Status Database::commit(const Batch& batch) {
    std::lock_guard lock(parts_->mutex);
    Status done = commit_once(batch);
    while (!done && is_disk_full(done.error()) && parts_->relief && parts_->relief())
        done = commit_once(batch);
    if (!done) disown_failed(parts_->database);
    return done;
}

Status Database::commit_once(const Batch& batch) {
    sqlite3* database = parts_->database;
    Statement put, remove;
    TRY_DO(
        prepare(database, "INSERT OR REPLACE INTO records(kind, key, json) VALUES(?, ?, ?);", put));
    TRY_DO(prepare(database, "DELETE FROM records WHERE kind = ? AND key = ?;", remove));
    for (const Batch::Change& change : batch.changes_)
        if (change.key.size() > record_key_bytes_max || change.json.size() > record_bytes_max)
            return Error(Kind::too_large,
                         fmt::format("record in {} is too large", table_name(change.table)));
    TRY_DO(run(database, "BEGIN IMMEDIATE;"));
    for (const Batch::Change& change : batch.changes_) {
        Statement& statement = change.removed ? remove : put;
        sqlite3_reset(statement.handle);
        sqlite3_bind_int(statement.handle, 1, static_cast<int>(change.table));
        bind_text(statement, 2, change.key);
        if (!change.removed) bind_text(statement, 3, change.json);
        if (sqlite3_step(statement.handle) == SQLITE_DONE) continue;
        Error error = sqlite_error(database, "write");
        (void)run(database, "ROLLBACK;");
        return error;
    }
    sqlite3_reset(put.handle);
    sqlite3_reset(remove.handle);
    Status done = run(database, "COMMIT;");
    if (!done) (void)run(database, "ROLLBACK;");
    return done;
}

Status Database::put(Table table, std::string key, std::string json) {
    Batch batch;
    batch.put(table, std::move(key), std::move(json));
    return commit(batch);
}

Status Database::remove(Table table, std::string key) {
    Batch batch;
    batch.remove(table, std::move(key));
    return commit(batch);
}

Result<std::optional<std::string>> Database::get(Table table, const std::string& key) {
    std::lock_guard lock(parts_->mutex);
    Statement statement;
    TRY_DO(prepare(parts_->database, "SELECT json FROM records WHERE kind = ? AND key = ?;",
                   statement));
    sqlite3_bind_int(statement.handle, 1, static_cast<int>(table));
    bind_text(statement, 2, key);
    int step = sqlite3_step(statement.handle);
    if (step == SQLITE_DONE) return std::optional<std::string>();
    if (step != SQLITE_ROW) return sqlite_error(parts_->database, "read");
    return std::optional<std::string>(column(statement, 0));
}

Result<std::vector<Record>> Database::list(Table table) {
    std::lock_guard lock(parts_->mutex);
    Statement statement;
    TRY_DO(prepare(parts_->database, "SELECT key, json FROM records WHERE kind = ? ORDER BY key;",
                   statement));
    sqlite3_bind_int(statement.handle, 1, static_cast<int>(table));
    std::vector<Record> records;
    for (;;) {
        int step = sqlite3_step(statement.handle);
        if (step == SQLITE_DONE) return records;
        if (step != SQLITE_ROW) return sqlite_error(parts_->database, "list");
        records.push_back({column(statement, 0), column(statement, 1)});
    }
}

Status Database::verify() {
    std::lock_guard lock(parts_->mutex);
    Statement check;
    TRY_DO(prepare(parts_->database, "PRAGMA integrity_check(1);", check));
    if (sqlite3_step(check.handle) != SQLITE_ROW) return sqlite_error(parts_->database, "verify");
    std::string found = column(check, 0);
    if (found != "ok") return Error(Kind::invalid, "state database: " + found);
    return {};
}

Status Database::checkpoint() {
    std::lock_guard lock(parts_->mutex);
    TRY_DO(run(parts_->database, "PRAGMA wal_checkpoint(TRUNCATE);"));
    sqlite3_db_release_memory(parts_->database);
    return {};
}

}  // namespace store
