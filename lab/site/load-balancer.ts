import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addressesOf } from '../addresses.ts'
import { CHECKOUT } from '../instance.ts'
import type { Part } from '../part.ts'
import { canConnect } from './node-parts.ts'
import { giveTo } from './service-parts.ts'
import type { BalancedSystem, SitePaths, SiteSpec } from './spec.ts'

/** HAProxy: one address for all systems. TLS goes through it unopened; the name that a client asks for chooses the system. */
export async function loadBalancer(spec: SiteSpec, paths: SitePaths): Promise<Part> {
  await mkdir(paths.haproxy, { recursive: true })
  const config = join(paths.haproxy, 'haproxy.cfg')
  await writeFile(config, configuration(spec, paths))
  await giveTo('haproxy', [paths.haproxy])
  return {
    name: 'haproxy',
    argv: ['haproxy', '-db', '-f', config],
    ready: () => canConnect(paths.loadBalancerSocket),
    readyWithinMs: 20_000,
  }
}

function configuration({ site, balanced }: SiteSpec, paths: SitePaths): string {
  return `global
  user haproxy
  group haproxy
  nbthread 1
  setenv HAETAE_SWITCHES ${join(paths.haproxy, 'switches')}
  lua-load ${join(CHECKOUT, 'manifests/haproxy/haetae.lua')}
  stats socket ${paths.loadBalancerSocket} level user mode 600
defaults
  mode tcp
  timeout connect 2s
  timeout client 1m
  timeout server 1m
frontend systems
  bind ${addressesOf(site).loadBalancer}:443
  tcp-request inspect-delay 2s
  tcp-request content accept if { req.ssl_hello_type 1 }
${balanced.map(({ backend, name }) => `  use_backend ${backend} if { req.ssl_sni -i ${name} }`).join('\n')}
${balanced.map(backendOf).join('\n')}
`
}

function backendOf({ backend, home, servers, port }: BalancedSystem): string {
  const lines = Object.entries(servers).map(([site, address]) => {
    const waiting = site === home ? '' : ' disabled'
    return `  server ${site} ${address}:${port} check inter 2s on-marked-down shutdown-sessions${waiting}`
  })
  return [`backend ${backend}`, ...lines].join('\n')
}
