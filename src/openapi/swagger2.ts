import { list, type Mapping, mapping } from './descriptions.ts';

/**
 * A Swagger 2.0 document in the form of OpenAPI 3, as far as a draft reads it: servers, paths, bodies, responses and
 * security. References stay as they are: their targets are in the same document.
 */
export function fromSwagger2(root: Mapping, follow: (value: unknown) => Mapping): Mapping {
  const paths = Object.entries(mapping(root.paths)).map(([path, item]) => [
    path,
    convertedItem(mapping(item), root, follow),
  ]);
  return {
    openapi: '3.0.3',
    servers: serversOf(root),
    paths: Object.fromEntries(paths) as Mapping,
    ...(root.security === undefined ? {} : { security: root.security }),
    components: { securitySchemes: securitySchemes(root) },
  };
}

function securitySchemes({ securityDefinitions }: Mapping): Mapping {
  const schemes = Object.entries(mapping(securityDefinitions)).map(([name, each]) => {
    const scheme = mapping(each);
    return [name, scheme.type === 'basic' ? { type: 'http', scheme: 'basic' } : scheme];
  });
  return Object.fromEntries(schemes) as Mapping;
}

function serversOf({ host, basePath, schemes }: Mapping): Mapping[] {
  const base = typeof basePath === 'string' ? basePath : '/';
  if (typeof host !== 'string') return [{ url: base }];
  const known = list(schemes).map(String);
  const scheme = known.includes('https') ? 'https' : (known[0] ?? 'https');
  return [{ url: `${scheme}://${host}${base}` }];
}

const methods = ['get', 'put', 'post', 'patch', 'delete'];

function convertedItem(item: Mapping, root: Mapping, follow: (value: unknown) => Mapping): Mapping {
  const value = typeof item.$ref === 'string' ? follow(item) : item;
  const shared = list(value.parameters);
  const operations = methods.flatMap((method) =>
    typeof value[method] === 'object' ? [[method, converted(mapping(value[method]), shared, root, follow)]] : [],
  );
  return { ...(Object.fromEntries(operations) as Mapping), parameters: shared.map((each) => parameter(follow(each))) };
}

type Follow = (value: unknown) => Mapping;

function converted(operation: Mapping, shared: readonly unknown[], root: Mapping, follow: Follow): Mapping {
  const parameters = [...shared, ...list(operation.parameters)].map(follow);
  const body = parameters.find((each) => each.in === 'body');
  const fields = parameters.filter((each) => each.in === 'formData');
  const consumes = list(operation.consumes ?? root.consumes).map(String);
  const type = consumes.find((each) => /[/+]json\b/.test(each)) ?? 'application/json';
  const form = Object.fromEntries(fields.map((field) => [String(field.name), field]));
  const content =
    body !== undefined
      ? { [type]: { schema: body.schema } }
      : fields.length > 0
        ? { 'application/x-www-form-urlencoded': { schema: { type: 'object', properties: form } } }
        : undefined;
  const responses = Object.entries(mapping(operation.responses)).map(([status, response]) => [
    status,
    convertedResponse(follow(response)),
  ]);
  return {
    ...operation,
    parameters: parameters.filter((each) => each.in !== 'body' && each.in !== 'formData').map(parameter),
    ...(content === undefined ? {} : { requestBody: { content } }),
    responses: Object.fromEntries(responses) as Mapping,
  };
}

/** Swagger 2.0 has the type of a parameter where OpenAPI 3 has its schema. */
const parameter = (each: Mapping): Mapping => ({ ...each, schema: each.schema ?? each });

/** What an API produces does not matter: only its JSON has a schema that a draft reads. */
function convertedResponse(response: Mapping): Mapping {
  const content = response.schema === undefined ? {} : { content: { 'application/json': { schema: response.schema } } };
  return { ...content, ...(response.headers === undefined ? {} : { headers: response.headers }) };
}
