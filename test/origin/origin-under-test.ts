import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { expect, onTestFinished } from 'vitest';
import type { OriginConfig } from '../../src/config/model.ts';
import { OriginError } from '../../src/errors.ts';
import type { AnswerBody, OriginRequest } from '../../src/exchange/ports.ts';
import { createOrigin } from '../../src/origin/pool.ts';
import { onRequestHead, type RawOrigin, rawOrigin } from '../support/raw-origin.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

/** The client to an origin, closed with the test. Its timeouts are out of the way unless a test sets them. */
export function clientOf(url: string, config: Partial<OriginConfig> = {}): ReturnType<typeof createOrigin> {
  const patient = {
    timeoutMs: 15_000,
    connectTimeoutMs: 15_000,
    connections: 8,
    host: undefined,
    serverErrors: 'unknown',
    misframed: 'bypass',
    headers: {},
    circuit: undefined,
    health: undefined,
    ignoreInPaths: [],
  } as const;
  const origin = createOrigin({ url, ...patient, ...config });
  onTestFinished(() => origin.close());
  return origin;
}

export async function scripted(): Promise<ScriptedOrigin> {
  const origin = await scriptedOrigin();
  onTestFinished(() => origin.close());
  return origin;
}

export async function raw(onSocket: (socket: Socket, connection: number) => void): Promise<RawOrigin> {
  const origin = await rawOrigin(onSocket);
  onTestFinished(() => origin.close());
  return origin;
}

/** A raw origin that answers each request head; `count` numbers the requests of one connection, from 1. */
export function answering(
  answer: (socket: Socket, at: { connection: number; count: number; head: string }) => void,
): Promise<RawOrigin> {
  return raw((socket, connection) =>
    onRequestHead(socket, (head, count) => answer(socket, { connection, count, head })),
  );
}

export function get(target = '/', more: Partial<OriginRequest> = {}): OriginRequest {
  return { method: 'GET', target, headers: ['Host', 'client.example'], ...more };
}

export async function textOf(body: AnswerBody | Readable): Promise<string> {
  let text = '';
  for await (const chunk of body instanceof Readable ? body : body.stream())
    text += (chunk as Buffer).toString('latin1');
  return text;
}

export async function failureOf(promise: Promise<unknown>): Promise<OriginError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(OriginError);
  return error as OriginError;
}
