import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { draftConfig } from '../../src/openapi/draft.ts';
import { writeDraft } from '../../src/openapi/write-draft.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, get, type RequestOptions } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

/* A draft of a forum's description, used as it is against a forum: what each write leaves behind would be a hit. */

let origin: ScriptedOrigin;
let gateway: TestGateway;
beforeEach(async () => {
  origin = await forum();
  const text = writeDraft(draftConfig(readFileSync('test/openapi/documents/forum.yaml', 'utf8')), 'forum.yaml');
  gateway = await startGateway(origin.url, text.replace('http://127.0.0.1:4000', origin.url));
});
afterEach(async () => {
  await gateway.stop();
  await origin.close();
});

const ask = (method: string, path: string, options: RequestOptions = {}): Promise<Answer> =>
  get(gateway.url + path, { method, ...options });
const isHit = (answer: Answer): boolean => /unstale; hit/.test(String(answer.headers['cache-status']));

interface Scenario {
  readonly write: [method: string, path: string, body?: Readonly<Record<string, unknown>>];
  readonly fresh: string[];
  /** What stays stored. */
  readonly kept: string[];
}
const scenarios: Record<string, Scenario> = {
  'a child is made: the list of its parents': {
    write: ['POST', '/orders/7/items', { cents: 5 }],
    fresh: ['/orders', '/orders/7', '/orders/7/items'],
    kept: ['/orders/8', '/orders/8/items', '/threads/5'],
  },
  'a child is changed: the list of its parents': {
    write: ['PUT', '/items/71', { orderId: 7, cents: 5 }],
    fresh: ['/orders', '/orders/7', '/orders/7/items', '/items/71'],
    kept: ['/orders/8', '/orders/8/items', '/items/81'],
  },
  'a post is made: the threads of every board': {
    write: ['POST', '/threads/5/posts', { author: 'bob' }],
    fresh: ['/boards/1/threads', '/threads/5', '/threads/5/posts'],
    kept: ['/threads/6', '/posts/51', '/orders'],
  },
  'an order is deleted: what is below it': {
    write: ['DELETE', '/orders/7'],
    fresh: ['/orders', '/orders/7', '/orders/7/items', '/items/71'],
    kept: ['/orders/8', '/orders/8/items', '/threads/5'],
  },
  'the requesting user is renamed: the old name, the new, and what shows either': {
    write: ['PUT', '/users/me', { username: 'anna' }],
    fresh: ['/users/ann', '/users/anna', '/threads/5', '/threads/5/posts', '/boards/1/threads', '/posts/51'],
    kept: ['/users/bob', '/threads/6', '/posts/52'],
  },
  'posts are deleted by their ids in the request': {
    write: ['POST', '/moderation/bulk-delete', { post_ids: [51] }],
    fresh: ['/posts/51', '/threads/5', '/threads/5/posts', '/boards/1/threads'],
    kept: ['/posts/52', '/users/ann', '/orders'],
  },
  'an attachment is made, and only Location says so': {
    write: ['POST', '/posts/51/attachments', {}],
    fresh: ['/attachments/1', '/posts/51/attachments'],
    kept: ['/attachments/2', '/posts/52', '/posts/52/attachments'],
  },
};
test.each(Object.entries(scenarios))('%s', async (_, { write: [method, path, body], fresh, kept }) => {
  const before = new Map<string, string>();
  for (const each of [...fresh, ...kept]) {
    const { status, text } = await ask('GET', each);
    before.set(each, text);
    expect(status === 404 || isHit(await ask('GET', each)), `${each} is stored`).toBe(true);
  }
  const { status } = await ask(method, path, body === undefined ? {} : { body });
  expect(status).toBeLessThan(300);
  for (const each of fresh) {
    const answer = await ask('GET', each);
    expect(isHit(answer), each).toBe(false);
    expect(answer.text, each).not.toBe(before.get(each));
  }
  for (const each of kept) expect(isHit(await ask('GET', each)), each).toBe(true);
});

interface Post {
  readonly id: number;
  readonly threadId: number;
  readonly author: string;
}
interface Part {
  readonly id: number;
  readonly orderId: number;
  readonly cents: number;
}

/** Thread 6 has no posts, and so no `lastPost`. Every request is Ann's. */
async function forum(): Promise<ScriptedOrigin> {
  let ann = 'ann';
  const nameOf = (author: string) => ({ username: author === 'ann' ? ann : author });
  const posts = new Map<number, Post>([
    [51, { id: 51, threadId: 5, author: 'ann' }],
    [52, { id: 52, threadId: 9, author: 'bob' }],
  ]);
  const orders = new Set([7, 8]);
  const items = new Map<number, Part>([
    [71, { id: 71, orderId: 7, cents: 3 }],
    [81, { id: 81, orderId: 8, cents: 4 }],
  ]);
  const attachments = new Map([[2, { id: 2, postId: 52 }]]);
  const postOf = ({ author, ...post }: Post) => ({ ...post, author: nameOf(author) });
  const postsOf = (id: number) => [...posts.values()].filter(({ threadId }) => threadId === id).map(postOf);
  const threadOf = (id: number) => {
    const lastPost = postsOf(id).at(-1);
    return { id, author: nameOf('bob'), ...(lastPost === undefined ? {} : { lastPost }) };
  };
  const itemsOf = (id: number) => [...items.values()].filter(({ orderId }) => orderId === id);
  const orderOf = (id: number) => ({ id, items: itemsOf(id) });
  const attachmentsOf = (id: number) => [...attachments.values()].filter(({ postId }) => postId === id);

  const read = (kind: string, id: string, below: string | undefined): unknown => {
    const number = Number(id);
    if (kind === 'boards') return { threads: [threadOf(5), threadOf(6)] };
    if (kind === 'threads') return below === undefined ? threadOf(number) : postsOf(number);
    if (kind === 'users') return id === 'me' ? nameOf('ann') : [ann, 'bob'].includes(id) ? { username: id } : undefined;
    if (kind === 'items') return items.get(number);
    if (kind === 'attachments') return attachments.get(number);
    if (kind === 'orders' && id === '') return [...orders].map(orderOf);
    if (kind === 'orders')
      return orders.has(number) ? (below === undefined ? orderOf(number) : itemsOf(number)) : undefined;
    const post = posts.get(number);
    return below === undefined ? post && postOf(post) : attachmentsOf(number);
  };
  /** What the answer shows, or where what was made is; undefined for 204. */
  const write = (method: string, [kind, id]: [string, string], body: Record<string, unknown>): unknown => {
    const number = Number(id);
    if (kind === 'orders' && method === 'DELETE') {
      orders.delete(number);
      for (const item of itemsOf(number)) items.delete(item.id);
    } else if (kind === 'orders') {
      items.set(100, { id: 100, orderId: number, cents: Number(body.cents) });
      return items.get(100);
    } else if (kind === 'items') {
      items.set(number, { id: number, orderId: Number(body.orderId), cents: Number(body.cents) });
      return items.get(number);
    } else if (kind === 'threads') {
      const post = { id: 53, threadId: number, author: String(body.author) };
      posts.set(53, post);
      return postOf(post);
    } else if (kind === 'users') {
      ann = String(body.username);
      return nameOf('ann');
    } else if (kind === 'moderation') {
      for (const each of body.post_ids as number[]) posts.delete(each);
    } else {
      attachments.set(1, { id: 1, postId: number });
      return '/attachments/1';
    }
    return undefined;
  };
  const scripted = await scriptedOrigin();
  return scripted.on(
    () => true,
    (_, response, { body, method, url }) => {
      const [, kind = '', id = '', below] = url.split('/');
      const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=60' };
      if (method === 'GET') {
        const found = read(kind, id, below);
        return void response.writeHead(found === undefined ? 404 : 200, headers).end(JSON.stringify(found ?? null));
      }
      const json = body.length === 0 ? {} : (JSON.parse(body.toString()) as Record<string, unknown>);
      const made = write(method, [kind, id], json);
      if (typeof made === 'string') return void response.writeHead(201, { Location: made }).end();
      return void response.writeHead(made === undefined ? 204 : 200, headers).end(made && JSON.stringify(made));
    },
  );
}
