import { errors } from 'undici';
import { describe, expect, it } from 'vitest';
import { OriginError } from '../../src/errors.ts';
import { isClosure, originFailure, type RequestProgress } from '../../src/origin/failure.ts';

const waiting: RequestProgress = { started: false, answered: false, retried: false };
const sent: RequestProgress = { started: true, answered: false, retried: false };
const answered: RequestProgress = { started: true, answered: true, retried: false };

function system(code: string): Error {
  return Object.assign(new Error(code), { code });
}

describe('what a failure is called', () => {
  it.each([
    ['refused', system('ECONNREFUSED'), waiting, 'originRefused'],
    ['no such name', system('ENOTFOUND'), waiting, 'originRefused'],
    ['no answer of the resolver', system('EAI_AGAIN'), waiting, 'originRefused'],
    ['no route', system('EHOSTUNREACH'), waiting, 'originRefused'],
    ['a certificate that nobody signed', system('DEPTH_ZERO_SELF_SIGNED_CERT'), waiting, 'originRefused'],
    ['reset while connecting', system('ECONNRESET'), waiting, 'originRefused'],
    ['a request that undici refuses', new errors.InvalidArgumentError('x'), waiting, 'originRefused'],
    ['a pool that is closed', new errors.ClientDestroyedError(), waiting, 'originRefused'],
    ['no connection in time', new errors.ConnectTimeoutError(), waiting, 'originTimeout'],
    ['no connection in the time of the system', system('ETIMEDOUT'), waiting, 'originTimeout'],
    ['no head in time', new errors.HeadersTimeoutError(), sent, 'originTimeout'],
    ['silence in the body', new errors.BodyTimeoutError(), answered, 'originTimeout'],
    ['packets that nobody acknowledges', system('ETIMEDOUT'), sent, 'originTimeout'],
    ['reset', system('ECONNRESET'), sent, 'originReset'],
    ['closed for writing', system('EPIPE'), sent, 'originReset'],
    ['closed before the head', new errors.SocketError('other side closed'), sent, 'originReset'],
    ['closed within the body', new errors.SocketError('other side closed'), answered, 'originReset'],
    ['a pool that is closed under it', new errors.ClientDestroyedError(), sent, 'originReset'],
    ['a body that is too short', new errors.ResponseContentLengthMismatchError(), answered, 'originReset'],
    ['an end within a chunk', new errors.HTTPParserError('… (Invalid EOF state)'), answered, 'originReset'],
    ['a request body of another length', new errors.RequestContentLengthMismatchError(), sent, 'originReset'],
    ['something notServing of', new Error('?'), sent, 'originReset'],
    ['something that is not even an error', 'thrown', sent, 'originReset'],
    ['two lengths', new errors.ResponseContentLengthMismatchError(), sent, 'originInvalid'],
    ['not HTTP', new errors.HTTPParserError('… (Expected HTTP/)'), sent, 'originInvalid'],
    ['a broken chunk', new errors.HTTPParserError('… (Invalid character in chunk size)'), answered, 'originInvalid'],
    ['a flood of header fields', new errors.HeadersOverflowError(), sent, 'originInvalid'],
    ['a 100 that nobody asked for', new errors.SocketError('bad response'), sent, 'originInvalid'],
    ['a 101 that nobody asked for', new errors.SocketError('bad upgrade'), sent, 'originInvalid'],
    ['an assertion of undici', system('ERR_ASSERTION'), sent, 'originInvalid'],
  ])('%s', (_name, error, progress, code) => {
    const failure = originFailure(error, progress);
    expect(failure).toBeInstanceOf(OriginError);
    expect({ code: failure.code, sent: failure.sent, cause: failure.cause }).toEqual({
      code,
      sent: progress.started,
      cause: error,
    });
  });

  it.each([
    ['ECONNREFUSED', 'Nothing accepts connections at the address of the origin: see whether it runs'],
    ['ENOTFOUND', 'The host name of the origin is not known'],
    ['EAI_AGAIN', 'The host name of the origin cannot be looked up at the moment'],
    ['EHOSTUNREACH', 'There is no route to the origin'],
    ['ECONNRESET', 'The origin cannot be reached'],
  ])('tells clients why there is no connection: %s', (code, detail) => {
    expect(originFailure(system(code), waiting).message).toBe(detail);
  });

  it('says that a request was sent whose first attempt was', () => {
    const failure = originFailure(system('ECONNREFUSED'), { ...waiting, retried: true });
    expect(failure).toMatchObject({ code: 'originRefused', sent: true });
  });

  it('leaves an error of ours as it is', () => {
    const error = new OriginError('contentTooLarge', { sent: true, detail: 'the limit is 5 bytes' });
    expect(originFailure(error, sent)).toBe(error);
  });

  it('corrects an error of ours about whether anything was sent', () => {
    const error = new OriginError('contentTooLarge', { sent: true, detail: 'the limit is 5 bytes', cause: 'why' });
    expect(originFailure(error, waiting)).toMatchObject({
      code: 'contentTooLarge',
      sent: false,
      message: 'the limit is 5 bytes',
      cause: 'why',
    });
  });
});

describe('a connection that the other side closed', () => {
  it.each([
    [new errors.SocketError('other side closed'), true],
    [new errors.SocketError('closed'), true],
    [system('ECONNRESET'), true],
    [system('EPIPE'), true],
    [new errors.SocketError('bad response'), false],
    [new errors.SocketError('bad upgrade'), false],
    [new errors.HeadersTimeoutError(), false],
    [new errors.HTTPParserError('x'), false],
    [system('ETIMEDOUT'), false],
    [undefined, false],
  ])('%s: %s', (error, closed) => {
    expect(isClosure(error)).toBe(closed);
  });
});
