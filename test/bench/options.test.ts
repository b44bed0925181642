import { describe, expect, it } from 'vitest';
import { parseOptions } from '../../bench/options.ts';

const parse = (line: string) => parseOptions(line.split(' ').filter(Boolean), ['hit', '304']);

describe('the options of the bench', () => {
  it('takes a directory for another build, and a URL for a gateway that runs', () => {
    expect(parse('--against ../other')).toMatchObject({ before: '../other', against: undefined, own: undefined });
    expect(parse('--against http://localhost:8080')).toMatchObject({ before: undefined, own: undefined });
    const both = parse('--against ../other --against http://localhost:8080');
    expect(both).toMatchObject({ before: '../other', against: new URL('http://localhost:8080') });
  });

  it('measures nothing but a gateway of the user’s own, if its path is named', () => {
    const options = parse('--against http://localhost:8080 --path /steps/7?lang=en --api http://api.test --rate 50');
    expect(options).toMatchObject({ own: { path: '/steps/7?lang=en', api: new URL('http://api.test'), rate: 50 } });
  });

  it('plays one short round with --quick, unless it is told otherwise', () => {
    expect(parse('--quick')).toMatchObject({ quick: true, effort: { rounds: 1, storedResponses: 4000 } });
    expect(parse('--quick --rounds 3 --seconds 2.5')).toMatchObject({ effort: { rounds: 3, seconds: 2.5 } });
  });

  it.each([
    ['--case hits', 'unknown case "hits". Cases: hit, 304'],
    ['--against ../a --against ../b', 'one directory and one URL'],
    ['--against https://localhost', 'not an http: URL'],
    ['--against http://', 'not an http: URL'],
    ['--against http://localhost:8080/steps', 'only scheme, host and port, as in http://localhost:8080'],
    ['--against http://me:secret@localhost', 'only scheme, host and port'],
    ['--path /steps/7', '--path needs --against <URL>'],
    ['--path /steps/7 --against ../other', '--path needs --against <URL>'],
    ['--path steps/7 --against http://localhost', 'begins with a slash'],
    ['--path /steps/é --against http://localhost', 'encoded as on the wire'],
    ['--path /a --against http://localhost --against ../other', 'leave --against <dir> out'],
    ['--path /a --against http://localhost --case hit', 'leave --case out'],
    ['--api http://localhost:4000', '--api needs --path'],
    ['--rate 100', '--rate is for a gateway of your own'],
    ['--path /a --against http://localhost --rate fast', '--rate: "fast" is not a number from 1'],
    ['--rounds 0', '--rounds: "0" is not a whole number from 1'],
    ['--rounds 1.5', '--rounds: "1.5" is not a whole number'],
    ['--origin-port 70000', '--origin-port: "70000"'],
    ['--generator ab', 'wrk or autocannon, not "ab"'],
    ['--chart chart.png', '--chart is the name of an .svg file'],
    ['--unknown', '--unknown'],
  ])('refuses %s', (line, message) => {
    expect(() => parse(line)).toThrow(message);
  });
});
