import { type Shape, shapeOf } from './api-schema.ts';
import type { OpenApiDocument } from './document.ts';

/** A representation inside of a response, and its path there: `data`, `article`, `result.items`; empty if it is all. */
export interface Unwrapped {
  readonly path: string;
  readonly schema: unknown;
}

/** What stands next to the representation in an envelope: pages, totals, links, outcomes. */
const about = new Set(
  (
    'meta metadata links link paging pagination page pages cursor cursors next prev previous first last self total ' +
    'totals count size limit offset skip per perpage pagesize pagecount totalcount totalcounts totalpages totalitems ' +
    'totalresults hasmore hasnext hasprevious nextpage nextcursor nextpagetoken nextpageuri nextmarker marker ' +
    'prevmarker url uri object kind type apiversion status success ok message messages code error errors warning ' +
    'warnings request requestid incompleteresults sortkey order took timestamp version'
  ).split(' '),
);

/** Envelopes inside of envelopes: `{"data": {"items": […]}}`. */
const MAX_DEPTH = 3;

/** The content of `{"data": …}` or `{"article": …}`. */
export function unwrapped(document: OpenApiDocument, schema: unknown, depth = 0): Unwrapped {
  const shape = shapeOf(document, schema);
  const found = depth < MAX_DEPTH ? contentOf(document, shape) : undefined;
  if (found === undefined) return { path: '', schema };
  const inner = unwrapped(document, found.schema, depth + 1);
  return { path: inner.path === '' ? found.name : `${found.name}.${inner.path}`, schema: inner.schema };
}

/** The only member of an envelope that is not about it. What has an id is a representation, not an envelope. */
function contentOf(document: OpenApiDocument, shape: Shape): { name: string; schema: unknown } | undefined {
  if (shape.items !== undefined || shape.properties.has('id') || shape.scalar !== undefined) return undefined;
  const rest = [...shape.properties].filter(([name]) => !isAbout(name, shape));
  const [only] = rest;
  // Kubernetes: next to `metadata` and `status`, and no representation by itself.
  if (only === undefined || rest.length !== 1 || only[0] === 'spec' || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(only[0]))
    return undefined;
  const [name, schema] = only;
  const inner = shapeOf(document, schema);
  const isContent = inner.properties.size > 0 || shapeOf(document, inner.items).properties.size > 0;
  return isContent || (inner.items !== undefined && wrappers.test(name)) ? { name, schema } : undefined;
}

/** Names that say nothing about their content: `{"data": [7, 8]}` is a list, `{"ids": [7, 8]}` names something. */
const wrappers = /^(?:data|items?|results?|content|values?|records|entries)$/;

/** `articlesCount` and `total_runs` next to `articles` are about them. */
function isAbout(name: string, { properties }: Shape): boolean {
  if (properties.size === 1) return false;
  const plain = name.toLowerCase().replace(/[^a-z]/g, '');
  return about.has(plain) || /^(?:num|number|total|next|prev)|(?:count|total|cursor|token)$/.test(plain);
}
