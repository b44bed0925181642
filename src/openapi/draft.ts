import { OpenApiDocument } from './document.ts';
import type { Draft } from './draft-model.ts';
import { draftRoutes } from './draft-routes.ts';
import { draftRules } from './draft-rules.ts';
import { Embeddings } from './embedding.ts';
import { apiPaths, inOrderOfPrecedence, serverOf } from './operations.ts';
import { findResources, ownersOf } from './resources.ts';

/** @throws OpenApiError */
export function draftConfig(text: string): Draft {
  const document = new OpenApiDocument(text);
  const { url, base, note } = serverOf(document);
  const paths = inOrderOfPrecedence(apiPaths(document, base));
  const resources = findResources(document, paths);
  const embeddings = new Embeddings(document, resources);
  const model = { document, paths, resources, embeddings, owners: ownersOf(resources) };
  const routes = draftRoutes(model);
  const carried = new Set(routes.flatMap(({ tags }) => tags.map((tag) => tag.slice(0, tag.indexOf(':')))));
  const rules = draftRules(model, carried);
  const notes = [...document.dangling]
    .sort()
    .map((reference) => `${reference} leads nowhere in this document: what it describes is not in the draft`);
  return { origin: note === undefined ? { url } : { url, note }, routes, rules, notes };
}
