import type { LabImages } from '../image/images.ts'
import { postgresUser } from '../image/postgres.ts'
import { webUser } from '../image/web.ts'
import type { SystemCredentials } from './credentials.ts'
import { databaseWorkload, type LabDatabase, type LabSystem } from './lab-system.ts'

/** Where a system's objects are made for. */
export interface Place {
  site: string
  nameServer: string
  /** Folder of the site that holds a folder per system for its database. */
  volumes: string
  images: LabImages
}

export type KubernetesObject = Record<string, unknown>

/** Everything of a system in one site's cluster: namespace, secrets, web service, database. */
export function systemObjects(
  system: LabSystem,
  place: Place,
  credentials: SystemCredentials,
): KubernetesObject[] {
  const { passwords, tls } = credentials
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: system.namespace, labels: { 'haetae.lab/system': system.id } },
    },
    secret(system, 'tls', { 'ca.crt': tls.ca, 'tls.crt': tls.cert, 'tls.key': tls.key }),
    secret(system, 'web', { app: passwords.app }),
    ...databaseObjects(system, place, credentials),
    web(system, place),
    service(system, system.deployment, system.webAddresses[place.site], [
      { name: 'https', port: system.port, targetPort: 8443 },
      { name: 'metrics', port: 9100 },
    ]),
  ]
}

function databaseObjects(
  system: LabSystem,
  place: Place,
  { passwords }: SystemCredentials,
): KubernetesObject[] {
  const { database } = system
  if (database === null) return []
  return [
    secret(system, 'db', { ...passwords }),
    databaseDeployment(system, database, place),
    service(system, 'db', database.addresses[place.site], [{ name: 'postgres', port: 5432 }]),
  ]
}

function metadata(system: LabSystem, name: string) {
  return {
    name,
    namespace: system.namespace,
    labels: { 'app.kubernetes.io/name': name, 'haetae.lab/system': system.id },
  }
}

function secret(system: LabSystem, name: string, stringData: Record<string, string>): KubernetesObject {
  const data = Object.entries(stringData).map(([key, text]) => [key, Buffer.from(text).toString('base64')])
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadata(system, name),
    data: Object.fromEntries(data) as Record<string, string>,
  }
}

function service(
  system: LabSystem,
  name: string,
  clusterIP: string | undefined,
  ports: KubernetesObject[],
): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata(system, name),
    spec: {
      clusterIP,
      ports: ports.map((port) => ({ protocol: 'TCP', ...port })),
      selector: { 'app.kubernetes.io/name': name },
    },
  }
}

function deployment(
  system: LabSystem,
  name: string,
  replicas: number,
  strategy: string,
  pod: KubernetesObject,
): KubernetesObject {
  const meta = metadata(system, name)
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: meta,
    spec: {
      replicas,
      revisionHistoryLimit: 1,
      strategy: { type: strategy },
      selector: { matchLabels: { 'app.kubernetes.io/name': name } },
      template: { metadata: { labels: meta.labels }, spec: pod },
    },
  }
}

/** What every pod of the lab has: the site's own name server, no token, no environment of all services. */
function podBase(place: Place, user: number, graceSeconds: number): KubernetesObject {
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    dnsPolicy: 'None',
    dnsConfig: {
      nameservers: [place.nameServer],
      options: [
        { name: 'timeout', value: '1' },
        { name: 'ndots', value: '1' },
      ],
    },
    terminationGracePeriodSeconds: graceSeconds,
    securityContext: { runAsNonRoot: true, runAsUser: user, runAsGroup: user, fsGroup: user },
  }
}

const requests = { resources: { requests: { cpu: '5m', memory: '32Mi' } } }
const mounts = [
  { name: 'tls', mountPath: '/tls', readOnly: true },
  { name: 'secrets', mountPath: '/secrets', readOnly: true },
]

function secretVolumes(secretName: string): KubernetesObject[] {
  return [
    { name: 'tls', secret: { secretName: 'tls', defaultMode: 0o440 } },
    { name: 'secrets', secret: { secretName, defaultMode: 0o440 } },
  ]
}

function env(values: Record<string, string>): KubernetesObject[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }))
}

/** The web service: at work at the home site, scaled to zero at the other one. */
function web(system: LabSystem, place: Place): KubernetesObject {
  const replicas = place.site === system.home ? system.replicas : 0
  const container = {
    name: 'web',
    image: place.images.web.ref,
    imagePullPolicy: 'Never',
    env: env({
      SYSTEM: system.id,
      SITE: place.site,
      TLS_DIR: '/tls',
      ...(system.database === null
        ? {}
        : {
            DATABASE_HOST: system.database.addresses[place.site] ?? '',
            DATABASE_NAME: system.database.name,
            DATABASE_PASSWORD_FILE: '/secrets/app',
          }),
      DEPENDENCIES: system.needs.map(({ id, dns }) => `${id}=${dns}`).join(','),
    }),
    ports: [{ containerPort: 8443 }, { containerPort: 9100 }],
    // Ready says that the process listens. Whether the system serves is its health, which also names what it
    // waits for: a pod that is not ready would get no traffic, and so could not say why.
    readinessProbe: { tcpSocket: { port: 8443 }, periodSeconds: 1, timeoutSeconds: 2 },
    securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false },
    volumeMounts: mounts,
    ...requests,
  }
  return deployment(system, system.deployment, replicas, 'RollingUpdate', {
    ...podBase(place, webUser, 2),
    containers: [container],
    volumes: secretVolumes('web'),
  })
}

/** The database: primary at the home site, streaming standby at the other one; its volume is a folder of the site. */
function databaseDeployment(system: LabSystem, database: LabDatabase, place: Place): KubernetesObject {
  const primary = place.site === system.home
  const peer = primary ? system.recovery : system.home
  const container = {
    name: 'postgres',
    image: place.images.postgres.ref,
    imagePullPolicy: 'Never',
    env: env({
      SITE: place.site,
      PEER_SITE: peer,
      BIRTH: primary ? 'primary' : 'standby',
      PRIMARY_HOST: database.addresses[system.home] ?? '',
      SYNCHRONOUS: database.synchronous ? 'yes' : 'no',
    }),
    ports: [{ containerPort: 5432 }],
    // Every probe costs the server a new process: often until it has started, seldom afterwards.
    startupProbe: { tcpSocket: { port: 5432 }, periodSeconds: 1, failureThreshold: 300 },
    readinessProbe: { tcpSocket: { port: 5432 }, periodSeconds: 10 },
    securityContext: { allowPrivilegeEscalation: false },
    volumeMounts: [...mounts, { name: 'data', mountPath: '/data' }],
    ...requests,
  }
  return deployment(system, databaseWorkload, 1, 'Recreate', {
    ...podBase(place, postgresUser, 10),
    containers: [container],
    volumes: [
      ...secretVolumes('db'),
      { name: 'data', hostPath: { path: `${place.volumes}/${system.namespace}`, type: 'Directory' } },
    ],
  })
}
