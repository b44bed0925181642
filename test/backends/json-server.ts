import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../bench/servers/free-port.ts';
import type { Backend, Below, Write } from './backend.ts';
import { installFromNpm, startServer } from './processes.ts';

/** Of the checkout, from test/backends/dist/test/backends. */
const description = new URL('../../../descriptions/json-server.yaml', import.meta.url);

const data = {
  posts: [
    { id: 1, title: 'One', author: 'ann', views: 3 },
    { id: 2, title: 'Two', author: 'bob', views: 7 },
    { id: 3, title: 'Three', author: 'ann', views: 5 },
  ],
  comments: [
    { id: 1, body: 'first', postId: 1 },
    { id: 2, body: 'second', postId: 1 },
    { id: 3, body: 'third', postId: 2 },
  ],
  profile: { name: 'blog' },
};

/** Ids go on from the highest one, as json-server counts them. */
const ids = [1, 2, 3, 4, 5, 6];
/** Comments are of posts that are there. json-server removes others at any DELETE, even one that it answers 404. */
const posts = new Set([1, 2, 3]);

/** json-server 0.17: lists, filters, nested lists, `_embed` and `_expand`, and DELETE that takes the children along. */
export const jsonServer: Backend = {
  name: 'json-server',
  pack: 'json-server',
  install: (folder) => installFromNpm(folder, { 'json-server': '0.17.4' }),
  async start(folder) {
    posts.clear();
    for (const { id } of data.posts) posts.add(id);
    await writeFile(join(folder, 'db.json'), JSON.stringify(data));
    const port = await freePort();
    const args = [
      'node_modules/json-server/lib/cli/bin.js',
      '--quiet',
      '--host',
      '127.0.0.1',
      '--port',
      `${port}`,
      'db.json',
    ];
    return startServer({ command: process.execPath, args, folder, port, readyPath: '/posts' });
  },
  // It has none of its own.
  description: () => readFile(description, 'utf8'),
  views: () => [
    ...['/posts', '/posts?author=ann', '/posts?_sort=views&_order=desc', '/posts?_embed=comments', '/posts?q=two'],
    ...['/comments', '/comments?postId=1', '/comments?_expand=post', '/profile', '/db'],
    ...ids.flatMap((id) => [`/posts/${id}`, `/posts/${id}?_embed=comments`, `/posts/${id}/comments`]),
    ...ids.flatMap((id) => [`/comments/${id}`, `/comments/${id}?_expand=post`]),
  ],
  answered({ method, path }, { status, text }) {
    const [, kind, id] = path.split('/');
    if (kind !== 'posts' || status >= 300) return;
    if (method === 'DELETE') posts.delete(Number(id));
    if (method === 'POST' && id === undefined) posts.add((JSON.parse(text) as { id: number }).id);
  },
  write: (below) =>
    below(10) === 0 ? { method: 'PATCH', path: '/profile', body: { name: `blog ${below(9)}` } } : child(below),
};

function child(below: Below): Write {
  const id = ids[below(ids.length)];
  const postId = [...posts][below(posts.size)];
  const post = { title: `Title ${below(9)}`, author: ['ann', 'bob'][below(2)], views: below(9) };
  const comment = { body: `text ${below(9)}`, postId };
  const writes: Write[] = [
    { method: 'POST', path: '/posts', body: post },
    { method: 'PUT', path: `/posts/${id}`, body: post },
    { method: 'PATCH', path: `/posts/${id}`, body: { views: below(99) } },
    { method: 'DELETE', path: `/posts/${id}` },
    { method: 'POST', path: '/comments', body: comment },
    { method: 'POST', path: `/posts/${postId}/comments`, body: { body: 'nested' } },
    { method: 'PUT', path: `/comments/${id}`, body: comment },
    { method: 'PATCH', path: `/comments/${id}`, body: { postId } },
    { method: 'DELETE', path: `/comments/${id}` },
  ];
  // Without a post nothing else is of interest.
  return (posts.size < 2 ? writes[0] : writes[below(writes.length)]) as Write;
}
