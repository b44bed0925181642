import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Client } from '../../demo/player/client.ts';
import { OrdinaryCache } from '../../demo/player/ordinary-cache.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

let origin: ScriptedOrigin;
let client: Client;
let cache: OrdinaryCache;
let answers: number;
let nowMs: number;

beforeEach(async () => {
  origin = await scriptedOrigin();
  client = new Client();
  cache = new OrdinaryCache(client, origin.url, () => nowMs);
  nowMs = 0;
  answers = 0;
  serve('public, max-age=300');
});
afterEach(async () => {
  client.close();
  await origin.close();
});

/** Answers are numbered, so that they can be told apart. */
function serve(cacheControl: string): void {
  origin.on(
    () => true,
    (request, response) => {
      answers += 1;
      response.setHeader('Cache-Control', cacheControl);
      response.end(`${request.headers['accept-language'] ?? '-'} ${answers}`);
    },
  );
}

const read = async (target: string, headers: Record<string, string> = {}): Promise<string> =>
  (await cache.read({ target, headers })).answer.text;

describe('what is read again', () => {
  test('is the copy, for as long as the origin said, and no longer', async () => {
    expect(await read('/a')).toBe('- 1');
    nowMs = 299_000;
    expect(await cache.read({ target: '/a' })).toMatchObject({ answer: { text: '- 1' }, freshForMs: 1_000 });
    nowMs = 300_000;
    expect(await cache.read({ target: '/a' })).toMatchObject({ answer: { text: '- 2' }, freshForMs: 300_000 });
  });

  test('is another for another target, and for other header fields', async () => {
    expect(await read('/a')).toBe('- 1');
    expect(await read('/a?b=1')).toBe('- 2');
    expect(await read('/a', { 'accept-language': 'fr' })).toBe('fr 3');
    expect(await read('/a', { 'accept-language': 'en' })).toBe('en 4');
    expect(await read('/a', { 'accept-language': 'fr' })).toBe('fr 3');
  });

  test.each(['no-store', 'private, max-age=300', 'no-cache, max-age=300', 'max-age=0', 'public'])(
    'comes from the origin where it said %s',
    async (cacheControl) => {
      serve(cacheControl);
      expect(await read('/a')).toBe('- 1');
      expect(await read('/a')).toBe('- 2');
    },
  );
});

describe('a write makes it forget (RFC 9111 §4.4)', () => {
  const targets = ['/a', '/a?b=1', '/a/b', '/c', '/d'];
  test.each<[string, number, Record<string, string>, string[]]>([
    ['its target, in every variant', 200, {}, ['/a']],
    ['what Location names', 201, { location: '/c' }, ['/a', '/c']],
    ['what Content-Location names', 204, { 'content-location': '/c' }, ['/a', '/c']],
    ['what a reference relative to the target names', 303, { location: 'd' }, ['/a', '/d']],
    ['nothing of another host', 201, { location: 'http://elsewhere.example/c' }, ['/a']],
    ['nothing when it failed', 404, { location: '/c' }, []],
    ['nothing when the origin failed', 500, { location: '/c' }, []],
  ])('%s', async (_, status, headers, forgotten) => {
    for (const target of targets) await read(target, { 'accept-language': 'fr' });
    cache.noteWrite('/a', { status, headers });
    const asked: string[] = [];
    for (const target of targets) {
      const before = answers;
      await read(target, { 'accept-language': 'fr' });
      if (answers > before) asked.push(target);
    }
    expect(asked).toEqual(forgotten);
  });
});
