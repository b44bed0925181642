import { configurationMark, logBounds } from '../coherence/bus.ts';

/** Share of `maxmemory` above which records go that some node has not applied. That node then starts empty. */
const NEARLY_FULL = 0.85;

/**
 * What the scripts share. All keys of a scope are in one hash slot.
 *
 * A member is "beat applied intentsFrom recordsFrom renewed contact"; an intent "member posts payload"; a quarantine
 * "owner payload"; a ref "seq held quarantine". Neither members nor encoded terms contain a space. `terms` indexes the
 * intents that other writes have to wait for: a sorted set of "term intent" with equal scores, so ordered by its
 * members.
 */
export const prelude = `
local state, members, intents, refs, quarantines, terms, log, notes = unpack(KEYS)
local epoch = ARGV[1]

-- run_id changes with each start, master_replid with each promotion. Together they show whether this is still the
-- server, and the data, of the epoch. The counts in the state reveal keys that were evicted or deleted one by one.
local function identity()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)'),
    string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
end

local function current()
  local s = redis.call('HMGET', state, 'epoch', 'run', 'repl', 'members', 'intents', 'quarantines', 'refs', 'terms')
  if not s[1] then return '' end
  local run, repl = identity()
  if s[2] ~= run or s[3] ~= repl then return '' end
  if tonumber(s[4]) ~= redis.call('HLEN', members) or tonumber(s[5]) ~= redis.call('HLEN', intents)
    or tonumber(s[6]) ~= redis.call('HLEN', quarantines) or tonumber(s[7]) ~= redis.call('HLEN', refs)
    or tonumber(s[8]) ~= redis.call('ZCARD', terms) then return '' end
  return s[1]
end

local function count()
  redis.call('HSET', state, 'members', redis.call('HLEN', members), 'intents', redis.call('HLEN', intents),
    'quarantines', redis.call('HLEN', quarantines), 'refs', redis.call('HLEN', refs),
    'terms', redis.call('ZCARD', terms))
end

local function beat() return redis.call('HINCRBY', state, 'beats', 1) end

local function parse(member)
  local b, a, i, r, n, c = string.match(member, '^(%d+) (%-?%d+) (%d+) (%d+) (%d) (%-?%d+)$')
  return { beat = tonumber(b), applied = tonumber(a), intents = tonumber(i), records = tonumber(r), renewed = n,
    contact = tonumber(c) }
end

local function save(id, m)
  redis.call('HSET', members, id, string.format('%d %d %d %d %s %d', m.beat, m.applied, m.intents, m.records, m.renewed,
    m.contact))
end

local function ensureMember(id)
  local found = redis.call('HGET', members, id)
  if found then return parse(found) end
  local m = { beat = beat(), applied = -1, intents = 0, records = 0, renewed = '0', contact = -1 }
  save(id, m)
  return m
end

local function numberOf(id) return tonumber(string.match(id, ':(%d+)$')) end

local function tell(kind, what)
  local n = redis.call('HINCRBY', state, 'note', 1)
  redis.call('XADD', notes, 'MAXLEN', '~', 1000, string.format('%d-0', n), kind, what)
  redis.call('PEXPIRE', notes, 3600000)
end

local function isNearlyFull()
  local memory = redis.call('INFO', 'memory')
  local most = tonumber(string.match(memory, 'maxmemory:(%d+)'))
  return most > 0 and tonumber(string.match(memory, 'used_memory:(%d+)')) > most * ${NEARLY_FULL}
end

local function oldestFrom(at) return redis.call('XRANGE', log, at, '+', 'COUNT', 1)[1] end

local function seqAt(entry) return tonumber(string.match(entry[1], '^%d+')) end

-- Called once all records of a step are in the log. Each entry holds the number of bytes appended so far, so the size
-- of the log is known even if others have trimmed it.
local function trim()
  local s = redis.call('HMGET', state, 'seq', 'bytes', 'committed')
  local seq, total, committed = tonumber(s[1]), tonumber(s[2]), tonumber(s[3])
  local last, pressed
  local entry = oldestFrom('-')
  while entry and seqAt(entry) < seq do
    local at, fields = seqAt(entry), entry[2]
    local bytes = total - tonumber(fields[14]) + #fields[2] + #fields[12]
    if bytes <= ${logBounds.mostBytes} and seq - at < ${logBounds.records} then
      if bytes <= ${logBounds.keptBytes} then break end
      if pressed == nil and at > committed then pressed = isNearlyFull() end
      if at > committed and not pressed then break end
    end
    last, entry = at, oldestFrom(string.format('%d-0', at + 1))
  end
  if last then redis.call('XTRIM', log, 'MAXLEN', seq - last) end
  redis.call('PEXPIRE', log, 3600000)
end

local function push(entry)
  local seq = redis.call('HINCRBY', state, 'seq', 1)
  local total = redis.call('HINCRBY', state, 'bytes', #entry.payload + #(entry.posts or ''))
  redis.call('XADD', log, string.format('%d-0', seq), 'p', entry.payload, 'r', entry.ref or '',
    'i', entry.intent or '', 'a', entry.again or '', 'h', entry.held or '', 't', entry.posts or '', 'b', total)
  return seq
end

local function seqOf(ref) return tonumber(string.match(ref, '^%d+')) end

local function postsOf(intent)
  local found = redis.call('HGET', intents, intent)
  return found and string.match(found, '^[^ ]* ([^ ]*) ')
end

local function post(intent, posts)
  local scored = {}
  for term in string.gmatch(posts, '[^,]+') do
    scored[#scored + 1] = 0
    scored[#scored + 1] = term .. ' ' .. intent
  end
  if #scored > 0 then redis.call('ZADD', terms, unpack(scored)) end
end

local function unpost(intent, posts)
  local posted = {}
  for term in string.gmatch(posts or '', '[^,]+') do posted[#posted + 1] = term .. ' ' .. intent end
  if #posted > 0 then redis.call('ZREM', terms, unpack(posted)) end
end

-- No other term begins like one of a configuration, or sorts behind it.
local function isConfiguration(term) return string.sub(term, 1, 1) == '${configurationMark}' end

local function conflicting(probes, own)
  local seen, found = { [own] = true }, {}
  local function add(from, to)
    for _, member in ipairs(redis.call('ZRANGEBYLEX', terms, from, to)) do
      local id = string.match(member, ' (.*)$')
      if not seen[id] then found[#found + 1] = id end
      seen[id] = true
    end
  end
  for term in string.gmatch(probes, '[^,]+') do
    if isConfiguration(term) then
      add('[${configurationMark}', '(' .. term .. ' ')
      add('[' .. term .. '!', '+')
    else add('[' .. term .. ' ', '(' .. term .. '!') end
  end
  return found
end

local function mayHaveMissed(probes, asOf)
  if probes == '' then return false end
  local seq = tonumber(redis.call('HGET', state, 'seq'))
  if asOf >= seq then return false end
  if seq - asOf > 256 then return true end
  local oldest = oldestFrom('-')
  if not oldest or seqAt(oldest) > asOf + 1 then return true end
  local asked = {}
  for term in string.gmatch(probes, '[^,]+') do asked[term] = true end
  for _, entry in ipairs(redis.call('XRANGE', log, string.format('%d-0', asOf + 1), '+')) do
    for term in string.gmatch(entry[2][12] or '', '[^,]+') do
      if (asked[term] == true) ~= isConfiguration(term) then return true end
    end
  end
  return false
end

local function commit()
  local s = redis.call('HMGET', state, 'seq', 'committed')
  local seq, committed = tonumber(s[1]), tonumber(s[2])
  for _, member in ipairs(redis.call('HVALS', members)) do seq = math.min(seq, parse(member).applied) end
  if seq <= committed then return committed end
  redis.call('HSET', state, 'committed', seq)
  tell('c', seq)
  return seq
end

-- The state was set back: it is not what members were told. What is left of it belongs to no epoch.
local function void()
  redis.call('HDEL', state, 'epoch')
  return { 0, '' }
end

-- As numberOf in coherence/epoch.ts.
local function numberIn(name) return tonumber(string.match(name, '^(%d+)_') or 0) end

local function withdraw(id)
  unpost(id, postsOf(id))
  if redis.call('HDEL', intents, id) == 1 then tell('w', id) end
end
`;

export const guard = `
local now = current()
if now == '' or now ~= epoch then
  if now ~= '' and numberIn(epoch) > 0 and numberIn(now) <= numberIn(epoch) then return void() end
  return { 0, now }
end
`;

/** ARGV: epoch, member, contact. The member may know more than this state holds (coherence/contact.ts). */
export const contactGuard = `${guard}
local number, answered, reached, held = string.match(ARGV[3], '^(%d+) (%d+) (%d+) (%d)$')
number = tonumber(number)
local met = redis.call('HGET', members, ARGV[2])
if tonumber(reached) > tonumber(redis.call('HGET', state, 'seq')) then return void() end
if not met and held == '1' then return void() end
local told = met and parse(met).contact or -1
if told >= 0 and told < tonumber(answered) then return void() end
`;
