import { OpenApiDocument } from './document.ts';
import { credentialsOf } from './draft-credentials.ts';
import type { Draft } from './draft-model.ts';
import { draftRoutes } from './draft-routes.ts';
import { draftRules, namedTags, tagName, withTags } from './draft-rules.ts';
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
  const credentials = credentialsOf(document);
  const model = { document, paths, resources, embeddings, owners: ownersOf(resources), credentials };
  const named = draftRules(model);
  const routes = draftRoutes(model, namedTags(named));
  const rules = withTags(named, new Set(routes.flatMap(({ tags }) => tags.map(tagName))));
  const notes = [...document.dangling]
    .sort()
    .map((reference) => `${reference} is not in this document: the draft lacks what it describes`);
  if (!document.tellsRequired && routes.some(({ tags }) => tags.some((tag) => tag.includes('{response'))))
    notes.push(
      "the document marks no member as required: a response that lacks a member in the tags of its route is not stored; write response['name', :0].id for members that may be absent",
    );
  return { origin: note === undefined ? { url } : { url, note }, credentials, routes, rules, notes };
}
