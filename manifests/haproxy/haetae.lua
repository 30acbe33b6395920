-- What Haetae needs in a load balancer: HAProxy 2.6 or newer, built with Lua. In its configuration, section global:
--   setenv HAETAE_SWITCHES /var/lib/haproxy/haetae-switches
--   lua-load /etc/haproxy/haetae.lua
--   stats socket /run/haproxy/haetae.sock level user mode 660 group haetae
-- Of HAProxy's own commands, a socket of level user only shows; what Haetae may change is `haetae switch` alone, which
-- HAProxy by itself has not: it compares with what was seen, and it is still true after HAProxy was started again.

local file = os.getenv('HAETAE_SWITCHES') or error('setenv HAETAE_SWITCHES must stand before lua-load')
-- By backend: the number of its last switch, and the server that it went to.
local switches = {}

local function serves(server)
  -- HAProxy 2.6 answers 0, which is true in Lua.
  local draining = server:is_draining()
  return (draining == 0 or draining == false) and server:get_stats().status:sub(1, 5) ~= 'MAINT'
end

-- Names of the servers that take traffic, or that would if they were up; `-` when there is none.
local function serving(backend)
  local names = {}
  for name, server in pairs(backend.servers) do
    if serves(server) then names[#names + 1] = name end
  end
  table.sort(names)
  return #names == 0 and '-' or table.concat(names, ',')
end

local function send_to(backend, chosen)
  backend.servers[chosen]:set_ready()
  for name, server in pairs(backend.servers) do
    if name ~= chosen then server:set_maint() end
  end
end

local function save()
  local out, why = io.open(file .. '.new', 'w')
  if not out then return nil, why end
  for name, switch in pairs(switches) do
    out:write(name, ' ', switch.version, ' ', switch.server, '\n')
  end
  local closed, fault = out:close()
  if not closed then return nil, fault end
  return os.rename(file .. '.new', file)
end

core.register_init(function()
  local saved = io.open(file)
  if not saved then return end
  for line in saved:lines() do
    local name, version, server = line:match('^(%S+) (%d+) (%S+)$')
    local backend = core.backends[name]
    if backend and backend.servers[server] then
      switches[name] = { version = tonumber(version), server = server }
      send_to(backend, server)
    end
  end
  saved:close()
end)

local function version_of(name)
  return switches[name] and switches[name].version or 0
end

local function switch(name, server, version, seen)
  local backend = core.backends[name]
  if not backend or not backend.servers[server] then return 'missing' end
  if version_of(name) ~= tonumber(version) then return 'refused it was switched meanwhile' end
  if serving(backend) ~= seen then return 'refused it serves by ' .. serving(backend) .. ' now' end
  local before = switches[name]
  switches[name] = { version = version_of(name) + 1, server = server }
  -- On disk first: a load balancer that starts again must not go back.
  local saved, why = save()
  if not saved then
    switches[name] = before
    return 'failed ' .. tostring(why)
  end
  send_to(backend, server)
  return 'done'
end

-- Lua runs one command at a time, so nothing comes between the comparison and the change.
core.register_cli({ 'haetae', 'switch' },
  'haetae switch <backend> <server> <version> <seen> : send all traffic to one server',
  function(applet, _, _, name, server, version, seen)
    applet:send(switch(name, server, version, seen) .. '\n')
  end)

core.register_cli({ 'haetae', 'version' },
  'haetae version <backend> : how often it was switched',
  function(applet, _, _, name)
    applet:send(version_of(name) .. '\n')
  end)
