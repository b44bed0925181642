import { endToEnd } from '../../http/connection.ts';
import { parseEntityTag } from '../../http/etag.ts';
import { without } from '../../http/fields.ts';
import { isIncremental } from '../../http/incremental.ts';
import { type ReadBody, readAnswerUpTo } from '../body.ts';
import { appendCacheStatus } from '../cache-status-lines.ts';
import { passedFields } from '../client-fields.ts';
import type { OriginResponse, Reply } from '../ports.ts';
import { pump, pumpBody } from '../pump.ts';
import type { ArrivedWrite, Guard, WritePorts } from './write-ports.ts';

interface PassedAnswer {
  readonly answer: OriginResponse;
  /** What has been read of the body; undefined if nothing has. */
  readonly read: ReadBody | undefined;
  readonly outcome: Parameters<Guard['answered']>[1];
}

/** Streams the answer of a write to its client. For a write with an idempotency key, it is kept first. */
export async function passAnswer(
  ports: Pick<WritePorts, 'resolveBytes'>,
  { route }: Pick<ArrivedWrite, 'route'>,
  { answer, outcome, read: known }: PassedAnswer,
  { reply, position, guard }: { reply: Reply; position?: string | undefined; guard: Guard | undefined },
): Promise<void> {
  let read = known;
  const weak = guard?.evaluates === true && parseEntityTag(answer.headers.get('etag'))?.weak === true;
  const given = weak ? without(answer.headers.lines, (name) => name === 'etag') : answer.headers.lines;
  const lines = passedFields(endToEnd(given), route.policy.client);
  if (position !== undefined) lines.push('Unstale-Position', position);
  appendCacheStatus(lines, { fwd: 'method', fwdStatus: answer.status });
  // Whoever sends a whole body sets its length.
  const unframed = () => without(lines, (name) => name === 'content-length');
  if (guard?.keeps === true) {
    if (!isIncremental(answer.headers)) read ??= await readAnswerUpTo(answer.body, ports.resolveBytes);
    const body = read !== undefined && 'whole' in read ? read.whole : undefined;
    await guard.answered({ status: answer.status, lines: unframed(), body }, outcome);
  }
  if (read !== undefined && 'whole' in read) {
    reply.send(answer.status, unframed(), read.whole);
    return;
  }
  const sink = reply.begin(answer.status, lines);
  reply.onGone(() => answer.body.destroy());
  if (read === undefined) {
    await pumpBody(answer.body, { sink, reply });
  } else {
    sink.write(read.head);
    await pump(read.rest, { sink, reply });
  }
}
