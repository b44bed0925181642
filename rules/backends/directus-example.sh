#!/bin/sh
# The two collections that directus.yaml is written for, in an empty Directus 10: articles, which have an author, and
# authors, who show their articles. Everybody may read them; to write takes the token.
#
#   sh directus-example.sh <url of Directus> <token of an administrator>
set -eu

post() {
  curl -sSf -o /dev/null -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$url$1" -d "$2"
}

url=$1 token=$2
id='{"field": "id", "type": "integer", "schema": {"is_primary_key": true, "has_auto_increment": true}}'

post /collections '[
  {"collection": "authors", "schema": {}, "fields": ['"$id"', {"field": "name", "type": "string"}]},
  {"collection": "articles", "schema": {}, "fields": ['"$id"', {"field": "title", "type": "string"},
    {"field": "author", "type": "integer"}]}
]'
post /fields/authors '{"field": "articles", "type": "alias", "meta": {"special": ["o2m"]}}'
post /relations '{"collection": "articles", "field": "author", "related_collection": "authors",
  "meta": {"one_field": "articles"}, "schema": {"on_delete": "SET NULL"}}'
# No role is the public one.
post /permissions '[
  {"role": null, "collection": "authors", "action": "read", "fields": ["*"]},
  {"role": null, "collection": "articles", "action": "read", "fields": ["*"]}
]'
post /items/articles '{"title": "One", "author": {"name": "Ann"}}'
