// Containers' records: one JSON text each in the state database, and a copy in the container's
// folder from which a lost database is rebuilt. What is in the text is engine/record.h's business.
#pragma once

#include "base/error.h"
#include "store/database.h"

#include <memory>
#include <string>
#include <vector>

namespace store {

// Any worker thread; calls for one container come one after the other.
class Containers {
public:
    // Rebuilds the table from the copies when the database was set aside.
    static Result<std::unique_ptr<Containers>> open(const std::string& data_root,
                                                    Database& database);

    // Durable when it returns. `id` names an existing folder below containers/.
    Status put(const std::string& id, std::string json);
    // Takes the record away durably; the folder is the caller's to remove afterwards.
    Status remove(const std::string& id);
    Result<std::vector<Record>> list() const;

private:
    Containers(std::string folder, Database& database)
        : folder_(std::move(folder)), database_(database) {}
    std::string folder_;
    Database& database_;
};

}  // namespace store
