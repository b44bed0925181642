/** The files of a small Strapi project, by path: articles with drafts, which have an author. */
export const strapiProject: Readonly<Record<string, string>> = {
  'config/server.js': `module.exports = ({ env }) => ({
  host: '127.0.0.1',
  port: env.int('PORT'),
  app: { keys: ['one', 'two'] },
});`,
  'config/admin.js': `module.exports = () => ({
  auth: { secret: 'of a test' },
  apiToken: { salt: 'salt' },
  transfer: { token: { salt: 'salt' } },
  serveAdminPanel: false,
});`,
  'config/database.js': `module.exports = () => ({
  connection: { client: 'sqlite', connection: { filename: 'data.db' }, useNullAsDefault: true },
});`,
  'config/middlewares.js': `module.exports = [
  'strapi::logger', 'strapi::errors', 'strapi::security', 'strapi::cors', 'strapi::query', 'strapi::body',
  'strapi::favicon', 'strapi::public',
];`,
  'config/plugins.js': `module.exports = () => ({ 'users-permissions': { config: { jwtSecret: 'of a test' } } });`,
  // The public role may do everything.
  'src/index.js': `module.exports = {
  async bootstrap({ strapi }) {
    const role = await strapi.db.query('plugin::users-permissions.role').findOne({ where: { type: 'public' } });
    for (const kind of ['article', 'author']) {
      for (const action of ['find', 'findOne', 'create', 'update', 'delete']) {
        const data = { action: 'api::' + kind + '.' + kind + '.' + action, role: role.id };
        await strapi.db.query('plugin::users-permissions.permission').create({ data });
      }
    }
  },
};`,
  ...contentType('article', {
    drafts: true,
    attributes: {
      title: { type: 'string' },
      author: { type: 'relation', relation: 'manyToOne', target: 'api::author.author', inversedBy: 'articles' },
    },
  }),
  ...contentType('author', {
    drafts: false,
    attributes: {
      name: { type: 'string' },
      articles: { type: 'relation', relation: 'oneToMany', target: 'api::article.article', mappedBy: 'author' },
    },
  }),
  'public/uploads/.gitkeep': '',
};

function contentType(
  name: string,
  { drafts, attributes }: { readonly drafts: boolean; readonly attributes: object },
): Record<string, string> {
  const folder = `src/api/${name}`;
  const factory = (kind: string) =>
    `module.exports = require('@strapi/strapi').factories.createCore${kind}('api::${name}.${name}');`;
  return {
    [`${folder}/controllers/${name}.js`]: factory('Controller'),
    [`${folder}/routes/${name}.js`]: factory('Router'),
    [`${folder}/services/${name}.js`]: factory('Service'),
    [`${folder}/content-types/${name}/schema.json`]: JSON.stringify({
      kind: 'collectionType',
      collectionName: `${name}s`,
      info: { singularName: name, pluralName: `${name}s`, displayName: name },
      options: { draftAndPublish: drafts },
      attributes,
    }),
  };
}
