import type { WriteProtectionConfig } from '../../config/model.ts';
import type { FieldLines } from '../../http/fields.ts';
import type { ClientRequest } from '../ports.ts';

/**
 * Checks a body that the API would get, or what it makes of the resource. `() => Buffer` throws a GatewayError if
 * nobody can tell that.
 * @returns what is wrong with it, where that is only logged
 * @throws GatewayError with what is wrong with it
 */
export type ValidateBody = (request: ClientRequest, body: Buffer | (() => Buffer)) => readonly string[];

/**
 * What the `Idempotency-Key` of a write means, for people.
 * @throws GatewayError if it is missing or malformed
 */
export type ExplainKey = (entry: WriteProtectionConfig, request: ClientRequest) => readonly string[];

/** Remembers the answers of requests with an `Idempotency-Key`. */
export interface IdempotencyKeys {
  /**
   * @throws GatewayError if the key is missing or malformed, belongs to another request, or its request is under way
   */
  begin(entry: WriteProtectionConfig, request: ClientRequest, body: Buffer): Promise<KeyedWrite>;
}

export type KeyedWrite =
  /** The first answer again. */
  | { readonly kind: 'replay'; readonly answer: WholeAnswer }
  | { readonly kind: 'first'; readonly run: KeyedRun }
  /** The key is optional, and there is none. */
  | { readonly kind: 'unkeyed' };

export interface WholeAnswer {
  readonly status: number;
  /** As the client gets them, without framing. */
  readonly lines: FieldLines;
  /** Undefined: longer than is kept. */
  readonly body: Buffer | undefined;
}

/** The first request with its key. Exactly one of the other three is called, once. They do not throw. */
export interface KeyedRun {
  /**
   * Whether it may still be sent. False once its lease may be over: a retry may have been told that the outcome is
   * unknown, and a request that was only paused must not be sent after that.
   */
  holds(): boolean;
  /** The client is about to get this answer, and what the write has changed is recorded. */
  answered(answer: WholeAnswer, outcome: 'applied' | 'unchanged' | 'refused' | 'indeterminate'): Promise<void>;
  /** Surely not applied: the gateway refused it, or it was never sent. */
  notRun(): Promise<void>;
  /** It may have been applied, and nobody knows. */
  unknown(): Promise<void>;
}
