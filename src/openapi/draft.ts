import { condensed } from './condense.ts';
import { OpenApiDocument, type ReadReferenced } from './document.ts';
import { credentialsOf } from './draft-credentials.ts';
import type { ApiModel, Draft } from './draft-model.ts';
import { draftRoutes } from './draft-routes.ts';
import { draftRules, namedTags, tagName, withTags } from './draft-rules.ts';
import { Embeddings } from './embedding.ts';
import { onlyOf, withOverlaps } from './only.ts';
import { apiPaths, inOrderOfPrecedence, serverOf } from './operations.ts';
import { draftReads } from './reading.ts';
import { findResources, ownersOf } from './resources.ts';
import { Showing } from './showing.ts';
import { summaryOf } from './summary.ts';

export interface DraftOptions {
  /** Reads the files that the description refers to. */
  readonly read?: ReadReferenced;
  /** Patterns of the routes to draft, as in the document or with the base path; all if there are none. */
  readonly only?: readonly string[];
  /** Write once what several rules have in common; the default. */
  readonly condense?: boolean;
}

/** @throws OpenApiError */
export function draftConfig(text: string, { read, only = [], condense = true }: DraftOptions = {}): Draft {
  const document = new OpenApiDocument(text, read);
  const { url, base, note } = serverOf(document);
  const paths = inOrderOfPrecedence(apiPaths(document, base));
  const resources = findResources(document, paths);
  const embeddings = new Embeddings(document, resources);
  const owners = ownersOf(resources);
  const showing = new Showing(document, { paths, owners }, embeddings);
  const credentials = credentialsOf(document);
  const model: ApiModel = { document, paths, resources, embeddings, owners, showing, credentials };
  const named = draftRules(model);
  const ruled = {
    tags: namedTags(named),
    routes: new Set(named.flatMap(({ targets }) => targets.flatMap(({ route }) => route ?? []))),
    any: named.length > 0,
  };
  const all = draftRoutes(model, ruled);
  const {
    routes,
    reads,
    rules: full,
  } = onlyOf(
    {
      routes: all,
      reads: draftReads(document, paths),
      rules: withTags(named, new Set(all.flatMap(({ tags }) => tags.map(tagName)))),
    },
    only.flatMap((pattern) => [pattern, base + pattern]),
  );
  const rules = condense ? condensed(full, routes) : full;
  const notes = [...document.dangling]
    .sort()
    .map((reference) => `${reference} was not followed: the draft lacks what it describes`);
  if (!document.tellsRequired && routes.some(({ tags }) => tags.some((tag) => tag.includes('{response'))))
    notes.push(
      "the document marks no member as required: a response that lacks a member in the tags of its route is not stored; write response['name', :0].id for members that may be absent",
    );
  if (document.isConverted) notes.push('the document is Swagger 2.0 and was read as OpenAPI 3');
  const summary = summaryOf(model, { routes, rules });
  const origin = note === undefined ? { url } : { url, note };
  return { origin, credentials, routes: withOverlaps(routes), reads, rules, notes, summary };
}
