// The search of an index: Docker Hub's, or a private one's /v1/search.
#pragma once

#include "codec/filters.h"
#include "codec/json.h"
#include "registry/session.h"

namespace registry {

struct SearchResult {
    std::int64_t star_count = 0;
    bool is_official = false;
    std::string name;
    bool is_automated = false;
    std::string description;
};
const json::Table& json_table(const SearchResult*);

struct SearchOrder {
    std::string term;        // "nginx", "localhost:5000/nginx"
    std::int64_t limit = 0;  // 0: 25
    codec::Filters filters;
    Caller caller;
};

// Where a term is looked for: the index's host ("docker.io"), and what is asked there.
std::pair<std::string, std::string> split_search_term(std::string_view term);
// Docker's rules for is-official, is-automated and stars. invalid for a wrong filter.
Result<std::vector<SearchResult>> filter_results(const codec::Filters& filters,
                                                 std::vector<SearchResult> found);

Task<Result<std::vector<SearchResult>>> search(const Link& link, SearchOrder order);

}  // namespace registry
