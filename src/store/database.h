// The state database: SQLite (WAL, synchronous=FULL) holding tables of durable records, key -> JSON
// text. What commit() has answered survives power loss. A damaged database is set aside and
// rebuilt from copies of the records kept as small files, so it never stops a start.
#pragma once

#include "base/error.h"
#include "sys/fd.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;

namespace store {

// Kept by number: new ones go to the end.
enum class Table { images, tags, layers, containers, networks, volumes, settings, layer_blobs };
inline constexpr int table_count = 8;
std::string_view table_name(Table table);

inline constexpr std::size_t record_bytes_max = 16 * 1024 * 1024;
inline constexpr std::size_t record_key_bytes_max = 4096;

struct Record {
    std::string key;
    std::string json;
};

// Changes that become durable together or not at all.
class Batch {
public:
    void put(Table table, std::string key, std::string json) {
        changes_.push_back({table, std::move(key), std::move(json), false});
    }
    void remove(Table table, std::string key) {
        changes_.push_back({table, std::move(key), {}, true});
    }
    bool empty() const { return changes_.empty(); }

private:
    friend class Database;
    struct Change {
        Table table;
        std::string key, json;
        bool removed;
    };
    std::vector<Change> changes_;
};

// Any worker thread may call; calls are done one at a time.
class Database {
public:
    // Opens or creates `<data root>/state.db`; the record copies lie in `<data root>/records`.
    // The caller holds the data root's lock. `relief` makes room on a full disk (true: try again).
    static Result<Database> open(const std::string& data_root,
                                 std::function<bool()> relief = nullptr);
    Database(Database&&) noexcept;
    ~Database();

    Status commit(const Batch& batch);
    Status put(Table table, std::string key, std::string json);
    Status remove(Table table, std::string key);
    Result<std::optional<std::string>> get(Table table, const std::string& key);
    // In order of the keys.
    Result<std::vector<Record>> list(Table table);

    // The old database was unreadable: it lies at this path now, and the records came from copies.
    const std::optional<std::string>& set_aside() const { return set_aside_; }
    // Moves the log into the database file and lets SQLite give back its memory: when idle.
    Status checkpoint();
    // SQLite's own look at every page: invalid with what it found.
    Status verify();

private:
    Status commit_once(const Batch& batch);
    struct Parts;
    explicit Database(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
    std::optional<std::string> set_aside_;
};

}  // namespace store
