import { createHash } from 'node:crypto';
import { logBounds } from '../coherence/bus.ts';
import { contactGuard, guard, prelude } from './script-prelude.ts';

/** The steps of src/coherence/sequencer.ts in Lua; that file documents them. */
const steps = {
  /** ARGV: nonce, lease. */
  createEpoch: `
if current() ~= '' then return { 1 } end
local run, repl = identity()
local asked = tonumber(redis.call('HGET', state, 'asked') or 0)
redis.call('DEL', refs, quarantines, log, notes)
local counted = redis.call('HMGET', state, 'intents', 'terms')
if tonumber(counted[1]) ~= redis.call('HLEN', intents) or tonumber(counted[2]) ~= redis.call('ZCARD', terms) then
  -- Some intents or terms were lost.
  redis.call('DEL', terms)
  for _, intent in ipairs(redis.call('HKEYS', intents)) do post(intent, postsOf(intent) or '') end
end
local all = redis.call('HGETALL', members)
for i = 1, #all, 2 do
  local m = parse(all[i + 1])
  m.applied = -1
  save(all[i], m)
end
redis.call('HSET', state, 'epoch', epoch, 'run', run, 'repl', repl, 'seq', 0, 'committed', 0, 'note', 0, 'bytes', 0,
  'lease', math.max(tonumber(ARGV[2]), asked), 'asked', ARGV[2])
ensureMember('(barrier)')
count()
return { 1 }`,

  /**
   * ARGV: epoch, member, contact, applied or "", the ref of that record or "", intentsFrom, recordsFrom, quarantines.
   */
  renew: `${contactGuard}
local id, applied = ARGV[2], tonumber(ARGV[4]) or -1
if applied > 0 and ARGV[5] ~= '' then
  local at = string.format('%d-0', applied)
  local entry = redis.call('XRANGE', log, at, at)[1]
  if entry and entry[2][4] ~= ARGV[5] then return void() end
end
local m = met and parse(met) or { applied = -1, intents = 0, records = 0, renewed = '0', contact = 0 }
local joined = m.renewed == '0' and 1 or 0
m = { beat = beat(), applied = math.max(applied, m.applied), intents = math.max(tonumber(ARGV[6]), m.intents),
  records = math.max(tonumber(ARGV[7]), m.records), renewed = '1', contact = math.max(number, m.contact) }
save(id, m)
for _, intent in ipairs(redis.call('HKEYS', intents)) do
  if string.sub(intent, 1, #id + 1) == id .. ':' and numberOf(intent) < m.intents then withdraw(intent) end
end
for _, ref in ipairs(redis.call('HKEYS', refs)) do
  if string.sub(ref, 1, #id + 1) == id .. ':' and numberOf(ref) < m.records then redis.call('HDEL', refs, ref) end
end
count()
for _, key in ipairs({ state, members, intents, refs, quarantines, terms }) do redis.call('PEXPIRE', key, 86400000) end
local committed = commit()
local s = redis.call('HMGET', state, 'seq', 'note', 'lease')
local unpublished = tonumber(s[1]) + 1
for _, ref in ipairs(redis.call('HVALS', refs)) do unpublished = math.min(unpublished, seqOf(ref)) end
local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
local first = oldest and tonumber(string.match(oldest[1], '^(%d+)')) or tonumber(s[1]) + 1
return { 1, tonumber(s[1]), first, committed, tonumber(s[2]), s[3], joined, redis.call('HGETALL', members),
  ARGV[8] == '1' and redis.call('HGETALL', quarantines) or {}, unpublished }`,

  /**
   * ARGV: epoch, member, contact, then for each step its kind and its arguments. A step that fails does so at its first
   * command that writes, and leaves nothing: the server is full, or the step is malformed. The others are made. One
   * that fails later has left a number without a record: somebody has changed the log, so the epoch is over.
   */
  group: `${contactGuard}
local member, self = ARGV[2], met and parse(met)
if self then self.contact = math.max(self.contact, number) end
local appended, counted = false, false
local steps = {}

function steps.append(payload, ref, intent, probes, hold, asOf, quarantine, ends, posts)
  if numberOf(ref) < (self or ensureMember(member)).records then return { 0, {}, 0 } end
  local noted = intent ~= '' and postsOf(intent)
  local others = conflicting(probes, intent)
  local known = redis.call('HGET', refs, ref)
  local held
  if known then
    held = string.match(known, '^%d+ (%d)') == '1'
  else
    held = hold == '1' or #others > 0 or mayHaveMissed(probes, tonumber(asOf))
  end
  local seq = known and seqOf(known)
  if seq and noted then tell('r', string.format('%d %s', seq, intent)) end
  if not seq then
    seq = push({ payload = payload, ref = ref, intent = intent, held = held and '1' or '', posts = noted or posts })
    appended = true
    redis.call('HSET', refs, ref, string.format('%d %s %s', seq, held and '1' or '0', quarantine))
    if quarantine == '1' then redis.call('HSET', quarantines, seq, member .. ' ' .. payload) end
    if ends ~= '' then redis.call('HDEL', quarantines, ends) end
  end
  -- The intent goes only once the record is in the log: a step that fails before leaves it.
  if noted then unpost(intent, noted) end
  if noted and not held then redis.call('HDEL', intents, intent) end
  return { seq, others, held and 1 or 0 }
end

function steps.intend(id, posts, payload, recorded)
  if numberOf(id) >= (self or ensureMember(member)).intents then
    redis.call('HSET', intents, id, member .. ' ' .. posts .. ' ' .. payload)
    if recorded == '0' then post(id, posts) end
  end
  return {}
end

function steps.withdraw(intent)
  withdraw(intent)
  return {}
end

function steps.conflicting(intent, probes)
  return { tonumber(redis.call('HGET', state, 'seq')), conflicting(probes, intent) }
end

function steps.ack(applied)
  if self then
    self.applied = math.max(self.applied, tonumber(applied))
    save(member, self)
  end
  return { commit() }
end

local function isWhole()
  local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  return (last and seqAt(last) or 0) == tonumber(redis.call('HGET', state, 'seq'))
end

local arities = { append = 9, intend = 4, withdraw = 1, conflicting = 2, ack = 1 }
local answers, at = {}, 4
while at <= #ARGV do
  local kind = ARGV[at]
  local made, answer = pcall(steps[kind], unpack(ARGV, at + 1, at + arities[kind]))
  if not made and kind == 'append' and not isWhole() then return void() end
  counted = counted or kind == 'append' or kind == 'intend' or kind == 'withdraw'
  answers[#answers + 1] = made and answer or tostring(type(answer) == 'table' and answer.err or answer)
  at = at + 1 + arities[kind]
end
if self then save(member, self) end
if appended then trim() end
if counted then count() end
return { 1, answers }`,

  /** ARGV: epoch, seq. */
  published: `${guard}
redis.call('HDEL', refs, '(again):' .. ARGV[2])
count()
return { 1 }`,

  /** ARGV: epoch, by, id, beat. */
  evict: `${guard}
local by, id = ARGV[2], ARGV[3]
local found = redis.call('HGET', members, id)
if not found or parse(found).beat ~= tonumber(ARGV[4]) then return { 1, {} } end
if by == '' then
  for _, intent in ipairs(redis.call('HVALS', intents)) do
    if string.match(intent, '^([^ ]*) ') == id then return { 1, {} } end
  end
  for _, quarantine in ipairs(redis.call('HVALS', quarantines)) do
    if string.match(quarantine, '^([^ ]*) ') == id then return { 1, {} } end
  end
end
redis.call('HDEL', members, id)
local left = {}
local kept = redis.call('HGETALL', refs)
for i = 1, #kept, 2 do
  local ref = kept[i]
  if string.sub(ref, 1, #id + 1) == id .. ':' or by ~= '' and string.sub(ref, 1, 8) == '(again):' then
    redis.call('HDEL', refs, ref)
    if by ~= '' and string.sub(kept[i + 1], -1) ~= '1' then left[#left + 1] = seqOf(kept[i + 1]) end
  end
end
local function pushAgain(payload, posts)
  local repeated = push({ payload = payload, again = '1', posts = posts })
  redis.call('HSET', refs, string.format('(again):%d', repeated), string.format('%d 0 0', repeated))
end
table.sort(left)
if #left > ${logBounds.repeated} then
  pushAgain('')
else
  for _, seq in ipairs(left) do
    local entry = redis.call('XRANGE', log, string.format('%d-0', seq), string.format('%d-0', seq))[1]
    pushAgain(entry and entry[2][2] or '', entry and entry[2][12])
  end
end
local orphans = {}
local function adopt(seq, payload)
  redis.call('HSET', quarantines, seq, by .. ' ' .. payload)
  orphans[#orphans + 1] = tostring(seq)
  orphans[#orphans + 1] = by .. ' ' .. payload
end
local open = redis.call('HGETALL', quarantines)
for i = 1, #open, 2 do
  local owner, payload = string.match(open[i + 1], '^([^ ]*) (.*)$')
  if owner == id then adopt(open[i], payload) end
end
local all = redis.call('HGETALL', intents)
for i = 1, #all, 2 do
  local owner, posts, payload = string.match(all[i + 1], '^([^ ]*) ([^ ]*) (.*)$')
  if owner == id then
    unpost(all[i], posts)
    redis.call('HDEL', intents, all[i])
    adopt(push({ payload = payload, intent = all[i], posts = posts }), payload)
  end
end
trim()
count()
commit()
return { 1, orphans }`,
} as const;

export type ScriptName = keyof typeof steps;

export interface Script {
  readonly lua: string;
  readonly sha: string;
}

export const scripts = Object.fromEntries(
  Object.entries(steps).map(([name, step]) => {
    const lua = prelude + step;
    return [name, { lua, sha: createHash('sha1').update(lua).digest('hex') }];
  }),
) as unknown as Readonly<Record<ScriptName, Script>>;
