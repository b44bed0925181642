import { describe, expect, test } from 'vitest';
import { budget } from '../support/budget.ts';
import { get } from '../support/request.ts';
import { gate, until } from '../support/scripted-origin.ts';
import {
  send as ask,
  begin,
  cacheStatus,
  childRules,
  gateway,
  jsonOf,
  origin,
  useScriptedRig,
} from '../support/scripted-rig.ts';

/*
 * The invariants of one node, each as a schedule that an origin with gates plays: without the guard that the test
 * names, a reader gets what a write has made wrong.
 */

useScriptedRig(childRules('400ms'));

describe('1, fence: a response whose fill began before a record is not stored', () => {
  test('when the record names its path', async () => {
    const reading = gate();
    let version = 1;
    origin.on('GET /parents/7', async (_request, response) => {
      const body = `version ${version}`;
      if (version === 1) await reading.pass();
      response.end(body);
    });
    origin.on('PUT /parents/7', (_request, response) => {
      version = 2;
      response.end();
    });
    const slow = ask('GET', '/parents/7');
    await reading.arrived();
    await ask('PUT', '/parents/7', { body: 'x' });
    reading.release();
    // A request from before the write may get the old state; a later one may not.
    expect((await slow).text).toBe('version 1');
    expect(cacheStatus(await slow)).toContain('detail=newer-record');
    const after = await ask('GET', '/parents/7');
    expect(after.text).toBe('version 2');
  });

  test('when the record names a tag that only the body tells', async () => {
    await gateway.stop();
    await begin(`
routes: [{ match: /parents/:id, cache: { ttl: 60s }, tags: ["child:{response.children[*].id}"] }]
rules: [{ name: tagged, on: PUT /children/:id, invalidate: [{ tag: "child:{id}" }] }]
`);
    const reading = gate();
    let children = [{ id: 5, version: 1 }];
    origin.on('GET /parents/7', async (_request, response) => {
      response.setHeader('Content-Type', 'application/json');
      const body = JSON.stringify({ children });
      // The head is out, and with it all that could be known without the body.
      response.write(body.slice(0, 3));
      if (children[0]?.version === 1) await reading.pass();
      response.end(body.slice(3));
    });
    origin.on('PUT /children/5', (_request, response) => {
      children = [{ id: 5, version: 2 }];
      response.end();
    });
    const slow = ask('GET', '/parents/7');
    await reading.arrived();
    await ask('PUT', '/children/5', { body: 'x' });
    reading.release();
    await slow;
    const after = await ask('GET', '/parents/7');
    expect(after.json()).toEqual({ children: [{ id: 5, version: 2 }] });
  });

  test('a 304 to a condition sent before the record revives nothing', async () => {
    await gateway.stop();
    await begin('defaults: { cache: { requestDirectives: honour } }');
    const validating = gate();
    let version = 1;
    origin.on('GET /parents/7', async (request, response) => {
      response.setHeader('ETag', `"${version}"`);
      response.setHeader('Cache-Control', 'max-age=60');
      if (request.headers['if-none-match'] === '"1"' && version === 1) {
        await validating.pass();
        response.statusCode = 304;
        response.end();
        return;
      }
      response.end(`version ${version}`);
    });
    origin.on('PUT /parents/7', (_request, response) => {
      version = 2;
      response.end();
    });
    await ask('GET', '/parents/7');
    const revalidation = ask('GET', '/parents/7', { headers: { 'cache-control': 'no-cache' } });
    await validating.arrived();
    await ask('PUT', '/parents/7', { body: 'x' });
    validating.release();
    expect((await revalidation).text).toBe('version 1');
    expect((await ask('GET', '/parents/7')).text).toBe('version 2');
  });
});

describe('2, collapse', () => {
  test('a request that came after a record is not answered by a fill that began before it', async () => {
    const first = gate();
    let version = 1;
    origin.on('GET /parents/7', async (_request, response) => {
      const body = `version ${version}`;
      if (version === 1) await first.pass();
      response.end(body);
    });
    origin.on('PUT /parents/7', (_request, response) => {
      version = 2;
      response.end();
    });
    const early = ask('GET', '/parents/7');
    await first.arrived();
    await ask('PUT', '/parents/7', { body: 'x' });
    const late = [ask('GET', '/parents/7'), ask('GET', '/parents/7'), ask('GET', '/parents/7')];
    await waiting(3);
    first.release();
    expect((await early).text).toBe('version 1');
    for (const answer of await Promise.all(late)) expect(answer.text).toBe('version 2');
    expect(origin.seen.filter(({ method }) => method === 'GET').length, 'the late ones share one fill').toBe(2);
  });

  test('many requests for one cold key make one request to the origin', { timeout: 60_000 }, async () => {
    const count = budget({ local: 250, ci: 1_000 });
    // On a busy machine it takes longer than a time-out until all of them are there.
    await gateway.stop();
    await begin(`origin: { url: "${origin.url}", timeout: 60s }\n${childRules('400ms')}`);
    const filling = gate();
    origin.on('GET /parents/7', async (_request, response) => {
      await filling.pass();
      response.end('once');
    });
    const all = Array.from({ length: count }, () => ask('GET', '/parents/7'));
    await filling.arrived();
    await waiting(count - 1);
    filling.release();
    const answers = await Promise.all(all);
    expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(['once']));
    expect(origin.seen).toHaveLength(1);
  });

  test('requests for several variants of a cold key make one request for each', async () => {
    const filling = gate();
    origin.on('GET /parents/7', async (request, response) => {
      await filling.pass();
      response.setHeader('Vary', 'Accept-Language');
      response.end(request.headers['accept-language']);
    });
    const languages = ['de', 'en', 'fr'];
    const all = Array.from({ length: 90 }, (_, i) => {
      const language = languages[i % 3] as string;
      return ask('GET', '/parents/7', { headers: { 'accept-language': language } }).then((answer) => {
        expect(answer.text).toBe(language);
      });
    });
    await filling.arrived();
    await waiting(89);
    filling.release();
    await Promise.all(all);
    expect(origin.seen).toHaveLength(3);
  });

  test('what may not be shared is asked for by each, as soon as the head of an answer tells', async () => {
    // Nobody is let go by a time-out here.
    await gateway.stop();
    await begin(`origin: { url: "${origin.url}", timeout: 60s }`);
    const bodies = gate();
    origin.on('GET /parents/7', async (_request, response) => {
      response.setHeader('Cache-Control', 'no-store');
      response.write('mi');
      await bodies.pass();
      response.end('ne');
    });
    const all = Array.from({ length: 20 }, () => ask('GET', '/parents/7'));
    // Nobody's answer is complete before everybody has asked.
    await bodies.arrived(20);
    bodies.release();
    for (const answer of await Promise.all(all)) expect(answer.text).toBe('mine');
  });
});

describe('3, acknowledge: the answer to a write is released when its record is effective', () => {
  test('not its head, not its body', async () => {
    const answering = gate();
    origin.on('GET /children/5', jsonOf({ parent: 7 }));
    origin.on('GET /parents/7', (_request, response) => {
      response.end('parent');
    });
    origin.on('PUT /children/5', async (_request, response) => {
      response.setHeader('Content-Type', 'application/json');
      response.write('{"parent":');
      // The head has left the origin; what it makes wrong is not known yet.
      await answering.pass();
      response.end('7}');
    });
    await ask('GET', '/parents/7');
    let released = false;
    const writing = ask('PUT', '/children/5', { body: 'x' }).then((answer) => {
      released = true;
      return answer;
    });
    await answering.arrived();
    expect(cacheStatus(await ask('GET', '/parents/7'))).toContain('hit');
    expect(released).toBe(false);
    answering.release();
    expect((await writing).json()).toEqual({ parent: 7 });
    expect(cacheStatus(await ask('GET', '/parents/7'))).toContain('fwd=uri-miss');
  });
});

describe('5, conflicts: of two writes in flight to one resource, the later record carries over the targets of the earlier', () => {
  test('moving a child A→B and B→C at once does not leave B stale', async () => {
    let parent = 'A';
    const reads = gate();
    const firstAnswer = gate();
    const secondApplies = gate();
    const secondAnswer = gate();
    origin.on('GET /children/5', jsonOf({ parent: 'A' }));
    for (const name of ['A', 'B', 'C']) {
      origin.on(`GET /parents/${name}`, (_request, response) => {
        response.end(parent === name ? 'has it' : 'empty');
      });
    }
    origin.on('PATCH /children/5', async (_request, response, { body }) => {
      const to = body.toString();
      await reads.pass();
      if (to === 'C') await secondApplies.pass();
      parent = to;
      await (to === 'B' ? firstAnswer : secondAnswer).pass();
      jsonOf({ parent: to })(_request, response);
    });
    const toB = ask('PATCH', '/children/5', { body: 'B' });
    const toC = ask('PATCH', '/children/5', { body: 'C' });
    // Both writes have read "A" as the representation before them.
    await reads.arrived(2);
    reads.release();
    await firstAnswer.arrived();
    firstAnswer.release();
    await toB;
    expect((await ask('GET', '/parents/B')).text).toBe('has it');
    secondApplies.release();
    await secondAnswer.arrived();
    secondAnswer.release();
    await toC;
    expect((await ask('GET', '/parents/B')).text).toBe('empty');
    expect((await ask('GET', '/parents/C')).text).toBe('has it');
  });
});

describe('5, conflicts: a write is answered once every conflicting write is recorded', () => {
  test('moving a child A→B and B→C, answered in the other order, does not leave B stale', async () => {
    let parent = 'A';
    const reads = gate();
    const firstAnswer = gate();
    const secondApplies = gate();
    origin.on('GET /children/5', jsonOf({ parent: 'A' }));
    for (const name of ['A', 'B', 'C']) {
      origin.on(`GET /parents/${name}`, (_request, response) => {
        response.end(parent === name ? 'has it' : 'empty');
      });
    }
    origin.on('PATCH /children/5', async (request, response, { body }) => {
      const to = body.toString();
      await reads.pass();
      if (to === 'C') await secondApplies.pass();
      parent = to;
      // The write to B was applied first, and is answered last.
      if (to === 'B') await firstAnswer.pass();
      jsonOf({ parent: to })(request, response);
    });
    const toB = ask('PATCH', '/children/5', { body: 'B' });
    const toC = ask('PATCH', '/children/5', { body: 'C' });
    await reads.arrived(2);
    reads.release();
    await firstAnswer.arrived();
    expect((await ask('GET', '/parents/B')).text).toBe('has it');
    let answered = false;
    const after = toC.then(async () => {
      answered = true;
      return (await ask('GET', '/parents/B')).text;
    });
    secondApplies.release();
    await until(() => gateway.logs.some(({ msg }) => msg === 'write'));
    // Its record is made; while the other's is not, B is stored as it was, and the answer is held.
    for (let i = 0; i < 10; i++) expect((await ask('GET', '/parents/B')).text).toBe('has it');
    expect(answered).toBe(false);
    firstAnswer.release();
    await toB;
    expect(await after).toBe('empty');
  });

  test('it waits for a slow one only so long, and then invalidates its whole write set', async () => {
    const slow = gate();
    origin.on('GET /children/5', jsonOf({ parent: 'A' }));
    origin.on('GET /parents/B', (_request, response) => {
      response.end('B');
    });
    origin.on('PATCH /children/5', async (request, response, { body }) => {
      if (body.toString() === 'B') await slow.pass();
      jsonOf({ parent: body.toString() })(request, response);
    });
    await gateway.stop();
    await begin(`${childRules('400ms')}\norigin: { url: "${origin.url}", timeout: 60s }`);
    const toB = ask('PATCH', '/children/5', { body: 'B' });
    await slow.arrived();
    await ask('GET', '/parents/B');
    await ask('PATCH', '/children/5', { body: 'C' });
    expect(cacheStatus(await ask('GET', '/parents/B'))).toContain('fwd=uri-miss');
    slow.release();
    await toB;
  });
});

describe('6, quarantine: after an indeterminate write, what it may have changed is not stored', () => {
  test.each([
    ['a 5xx', 500],
    ['a broken connection', undefined],
  ])('%s', async (_what, status) => {
    let version = 1;
    origin.on('GET /children/5', jsonOf({ parent: 7 }));
    origin.on('GET /parents/7', (_request, response) => {
      response.end(`version ${version}`);
    });
    origin.on('GET /others/1', (_request, response) => {
      response.end('other');
    });
    origin.on('PUT /children/5', (_request, response) => {
      if (status === undefined) response.destroy();
      else {
        response.statusCode = status;
        response.end();
      }
    });
    await ask('GET', '/parents/7');
    await ask('GET', '/others/1');
    const write = await ask('PUT', '/children/5', { body: 'x' });
    expect(write.status).toBe(status ?? 502);
    const during = await ask('GET', '/parents/7');
    expect(during.text).toBe('version 1');
    expect(cacheStatus(during)).toContain('detail=quarantined');
    expect(cacheStatus(await ask('GET', '/others/1'))).toContain('hit');
    // The origin applies the write after all, late but within the quarantine: no client keeps the old version.
    version = 2;
    expect((await ask('GET', '/parents/7')).text).toBe('version 2');
    await until(() => gateway.logs.some(({ msg }) => msg === 'quarantine ended'));
    await ask('GET', '/parents/7');
    const endsQuarantine = await ask('GET', '/parents/7');
    expect(cacheStatus(endsQuarantine)).toContain('hit');
  });

  test('a connection that the origin refused leads to no quarantine: nothing was sent', async () => {
    await origin.close();
    const write = await ask('PUT', '/children/5', { body: 'x' });
    expect(write.status).toBe(502);
    const line = gateway.logs.find(({ msg }) => msg === 'write');
    expect(line).toMatchObject({ outcome: 'unchanged', removed: 0 });
  });
});

/** Resolves once so many requests wait for another's fill. */
async function waiting(count: number): Promise<void> {
  for (;;) {
    const { text } = await get(`${gateway.adminUrl}/metrics`);
    if (new RegExp(`^unstale_waiting_reads ${count}$`, 'm').test(text)) return;
  }
}
