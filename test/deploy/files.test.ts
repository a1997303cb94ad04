/**
 * The files of `deploy`, without the tools that they are for: they parse, and each path, command, option, variable and
 * key of the configuration that they name exists.
 */

import assert from 'node:assert/strict'
import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse, parseAllDocuments } from 'yaml'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { protocolRoutes } from '../../packages/server/src/model/routes.ts'
import { testFolder } from '../support/folder.ts'
import { readText, textsOf } from '../support/repository.ts'
import { masterKey } from '../support/tessera.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = testFolder()

const compose = parse(readText('deploy/compose/compose.yaml'), { merge: true })
const manifests = new Map(
  [...textsOf('deploy/kubernetes/*.yaml')].map(([file, text]) => {
    const documents = parseAllDocuments(text)
    assert.deepEqual(
      documents.flatMap(({ errors }) => errors),
      [],
      file,
    )
    return [file, documents.map(document => document.toJS())] as const
  }),
)
const resources = [...manifests.values()].flat()
const values = parse(readText('deploy/helm/tessera/values.yaml'))
const dockerfile = readText('deploy/docker/Dockerfile')
const unit = readText('deploy/systemd/tessera.service')

/** Everything that names images, commands, variables and files of Tessera. */
const everything = [...textsOf('deploy/**/*.*'), ['Dockerfile', dockerfile] as const]

test('deploy: every variable is one that the server reads', () => {
  const guide = readText('docs/guides/configuration.md') + readText('docs/guides/command-line.md')
  const own = new Set(['TESSERA_IMAGE', 'TESSERA_USER', 'TESSERA_DOMAIN'])
  const named = everything.flatMap(([, text]) => text.match(/\bTESSERA_[A-Z_]+\b/g) ?? [])
  assert.ok(named.length > 15)
  for (const name of new Set(named))
    assert.ok(own.has(name) || guide.includes(`\`${name}\``), `${name} is not documented`)
  for (const name of own) assert.ok(readText('deploy/compose/compose.yaml').includes(`{${name}:`), name)
})

test('deploy: every image has a version, and the server has that of the package', () => {
  const { version } = JSON.parse(readText('packages/server/package.json'))
  const images = everything.flatMap(([, text]) =>
    [...text.matchAll(/^\s*(?:- )?(?:image: |ARG NODE_IMAGE=)(\S+)$/gm)].map(([, image]) => image!),
  )
  assert.ok(images.length > 4)
  for (const image of images) {
    const [, name, tag] = /^(?:\$\{\w+:-)?([^:]+):([^}]+)\}?$/.exec(image) ?? assert.fail(image)
    if (name === 'registry.example/tessera') assert.equal(tag, version)
    else assert.match(tag!, /^\d+\.\d+/, image)
  }
  const chart = parse(readText('deploy/helm/tessera/Chart.yaml'))
  assert.deepEqual([chart.version, chart.appVersion], [version, version])
  assert.equal(
    /ARG NODE_IMAGE=node:([\d.]+)-/.exec(dockerfile)?.[1],
    JSON.parse(readText('package.json')).devDependencies.node,
  )
})

test('deploy: each command of the server exists, with its options', () => {
  const commands = [
    ...Object.values<any>(compose.services).map(({ command }) => command),
    ...resources.flatMap(one => one.spec?.template?.spec?.containers ?? []).map(({ args }) => args),
    ...[...unit.matchAll(/^Exec\w+=\/usr\/bin\/tessera (.*)$/gm)].map(([, words]) => words!.split(' ')),
    JSON.parse(/^CMD (\[.*)$/m.exec(dockerfile)?.[1] ?? '[]'),
    ...[...textsOf('deploy/helm/**/*.{yaml,txt}').values()].flatMap(text =>
      [...text.matchAll(/^\s*args: \[(.*)\]$/gm)].map(([, words]) => words!.split(', ')),
    ),
  ].filter(words => words !== undefined)
  assert.ok(commands.length >= 8)
  const guide = readText('docs/guides/command-line.md')
  for (const words of commands) {
    const line = words.join(' ').replace(/\/etc\/tessera\/tessera\.yaml/, 'FILE')
    assert.ok(guide.includes(`| \`tessera ${line}`), `${line} is no command of docs/guides/command-line.md`)
  }
})

/** Writes a file for each secret, and replaces the paths. Returns those that the configuration named. */
async function withSecrets(configuration: any): Promise<{ input: any; named: string[] }> {
  const named: string[] = []
  const read = async (value: any): Promise<any> => {
    if (Array.isArray(value)) return Promise.all(value.map(read))
    if (typeof value !== 'object' || value === null) return value
    if (typeof value.file !== 'string')
      return Object.fromEntries(
        await Promise.all(Object.entries(value).map(async ([key, one]) => [key, await read(one)])),
      )
    named.push(value.file)
    const text = value.file.endsWith('database-url') ? 'postgres://tessera@db/tessera' : 'x'.repeat(48)
    return { file: await folder.write(value.file.replaceAll('/', '_'), text) }
  }
  return { input: await read(configuration), named }
}

const configurations: readonly (readonly [string, any, (path: string) => boolean])[] = [
  [
    'compose',
    parse(readText('deploy/compose/tessera.yaml')),
    path => compose.services.server.secrets.some((name: string) => path === `/run/secrets/${name}`),
  ],
  [
    'kubernetes',
    parse(resources.find(({ kind }) => kind === 'ConfigMap').data['tessera.yaml']),
    path => path.startsWith('/run/secrets/tessera/'),
  ],
  [
    'helm',
    { ...values.configuration, issuer: 'https://login.example.com' },
    path => path.startsWith('/run/secrets/tessera/'),
  ],
]

for (const [name, configuration, isMounted] of configurations)
  test(`deploy: the configuration for ${name} is valid, and its secrets are mounted`, async () => {
    const { input, named } = await withSecrets(configuration)
    const outcome = parseConfiguration(input, { environment: { TESSERA_MASTER_KEY: masterKey } })
    assert.deepEqual(outcome.ok ? [] : outcome.errors, [])
    assert.ok(named.length > 0)
    for (const path of named) assert.ok(isMounted(path), path)
  })

test('deploy: the Dockerfile copies what exists, and its result runs without root', () => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths]) =>
    paths!.split(' '),
  )
  assert.ok(copied.length > 8)
  const ignore = readText('.dockerignore')
  for (const path of copied) {
    assert.ok(existsSync(join(root, path)), path)
    assert.match(ignore, new RegExp(`^!${path.split('/')[0]}\\b`, 'm'), path)
  }
  const [last = ''] = dockerfile.split(/^FROM /m).slice(-1)
  assert.match(last, /^USER [1-9]\d*:[1-9]\d*$/m)
  assert.match(last, /^STOPSIGNAL SIGTERM$/m)
  assert.match(last, /^HEALTHCHECK [\s\S]*CMD \["node"/m)
  assert.doesNotMatch(dockerfile, /^(?:ENV|ARG).*(?:KEY|SECRET|TOKEN|PASSWORD)/m)
  assert.doesNotMatch(last, /--omit|npm (?:ci|install)/)
})

test('deploy: services of compose name networks, volumes and secrets that exist, and only the proxy has ports', () => {
  for (const [name, service] of Object.entries<any>(compose.services)) {
    for (const secret of service.secrets ?? []) assert.ok(compose.secrets[secret], secret)
    for (const network of service.networks) assert.ok(network in compose.networks, network)
    for (const other of Object.keys(service.depends_on ?? {})) assert.ok(compose.services[other], other)
    assert.equal('ports' in service, name === 'proxy', name)
    for (const volume of service.volumes ?? []) {
      const [source] = volume.split(':')
      if (source.startsWith('.')) assert.ok(existsSync(join(root, 'deploy/compose', source)), source)
      else assert.ok(source in compose.volumes, source)
    }
  }
  const script = readText('deploy/compose/make-secrets.sh')
  for (const name of Object.keys(compose.secrets)) assert.match(script, new RegExp(`^make ${name} `, 'm'))
  const { server, migrate } = compose.services
  for (const one of [server, migrate]) {
    assert.ok(one.read_only)
    assert.deepEqual(one.cap_drop, ['ALL'])
  }
})

test('deploy: pods fulfil the restricted Pod Security Standard, and mount nothing that is missing', () => {
  const pods = resources.flatMap(one => one.spec?.template?.spec ?? [])
  assert.equal(pods.length, 2)
  for (const { securityContext, containers, volumes, automountServiceAccountToken } of pods) {
    assert.equal(securityContext.runAsNonRoot, true)
    assert.equal(securityContext.seccompProfile.type, 'RuntimeDefault')
    assert.equal(automountServiceAccountToken, false)
    const [{ securityContext: own, volumeMounts }] = containers
    assert.deepEqual(own, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    assert.deepEqual(
      volumeMounts.map(({ name }: { name: string }) => name).toSorted(),
      volumes.map(({ name }: { name: string }) => name).toSorted(),
    )
  }
})

test('deploy: the parts of the Kubernetes manifests belong together', () => {
  const ofKind = (kind: string) => resources.filter(one => one.kind === kind)
  for (const kind of [
    'Namespace',
    'ConfigMap',
    'Job',
    'Deployment',
    'PodDisruptionBudget',
    'NetworkPolicy',
    'Ingress',
  ])
    assert.equal(ofKind(kind).length, 1, kind)
  const [deployment] = ofKind('Deployment')
  const { metadata, spec } = deployment.spec.template
  const services = new Map(ofKind('Service').map(one => [one.metadata.name, one]))
  const isSelected = (labels: object) =>
    Object.entries(labels).every(([name, value]) => metadata.labels[name] === value)
  assert.ok(isSelected(deployment.spec.selector.matchLabels))
  assert.ok(isSelected(services.get('tessera').spec.selector))
  assert.ok(isSelected(ofKind('PodDisruptionBudget')[0].spec.selector.matchLabels))
  assert.ok(isSelected(ofKind('NetworkPolicy')[0].spec.podSelector.matchLabels))
  for (const { backend, path } of ofKind('Ingress')[0].spec.rules[0].http.paths) {
    assert.ok(services.has(backend.service.name), path)
    assert.equal('selector' in services.get(backend.service.name).spec, path === '/', path)
  }
  const { drain_delay } = parse(ofKind('ConfigMap')[0].data['tessera.yaml'])
  assert.ok(spec.terminationGracePeriodSeconds >= drain_delay + 15)
  assert.deepEqual(
    new Set(resources.filter(one => one.kind !== 'Namespace').map(one => one.metadata.namespace)),
    new Set(['tessera']),
  )
})

test('deploy: probes ask for paths that the server has', () => {
  const probed = everything.flatMap(([, text]) => [
    ...[...text.matchAll(/httpGet: \{ path: (\S+),/g)].map(([, path]) => path!),
    ...[...text.matchAll(/httpchk GET (\S+)/g)].map(([, path]) => path!),
    ...[...text.matchAll(/healthCheck: \{ path: (\S+),/g)].map(([, path]) => path!),
    ...[...text.matchAll(/5080(\/\w+)'|TESSERA_PORT \+ '(\/\w+)'/g)].map(([, one, two]) => one ?? two!),
  ])
  assert.ok(probed.length >= 9)
  assert.deepEqual(new Set(probed), new Set(['/healthz', '/readyz']))
})

test('deploy: every proxy keeps the same paths from the outside', () => {
  const inside = ['metrics', 'admin', 'healthz', 'readyz']
  const snippets = [...textsOf('deploy/proxies/**/*.*'), ...textsOf('deploy/compose/Caddyfile')]
  assert.ok(snippets.length >= 5)
  for (const [file, text] of snippets.filter(([, text]) => /metrics/.test(text)))
    for (const path of inside) assert.match(text, new RegExp(`[/(|]${path}\\b`), `${file}: ${path}`)
  assert.equal(snippets.filter(([, text]) => /metrics/.test(text)).length, snippets.length - 1)
  for (const { path } of Object.values(protocolRoutes))
    assert.ok(!inside.some(one => path.startsWith(`/${one}`)), path)
})

test('deploy: the values of the chart are those of its schema and its templates', () => {
  const schema = JSON.parse(readText('deploy/helm/tessera/values.schema.json'))
  const templates = [...textsOf('deploy/helm/tessera/templates/*').values()].join('\n')
  const compare = (given: any, { properties }: any, path: string): void => {
    assert.deepEqual(
      Object.keys(given).toSorted(),
      Object.keys(properties)
        .filter(name => name !== 'global')
        .toSorted(),
      path,
    )
    for (const [name, { properties: nested, additionalProperties }] of Object.entries<any>(properties)) {
      if (name !== 'global') assert.match(templates, new RegExp(`\\.Values${path}\\.${name}\\b`))
      if (nested && additionalProperties === false) compare(given[name], properties[name], `${path}.${name}`)
    }
  }
  compare(values, schema, '')
})

test('deploy: the systemd unit is complete, and what it names is installed', () => {
  const keys = new Map([...unit.matchAll(/^(\w+)=(.*)$/gm)].map(([, key, value]) => [key!, value!]))
  for (const [key, value] of [
    ...[
      ['User', 'tessera'],
      ['StateDirectory', 'tessera'],
      ['WantedBy', 'multi-user.target'],
    ],
    ...[
      ['NoNewPrivileges', 'yes'],
      ['CapabilityBoundingSet', ''],
      ['ProtectSystem', 'strict'],
    ],
  ] as const)
    assert.equal(keys.get(key), value, key)
  const install = readText('deploy/systemd/install.sh')
  for (const [, path = ''] of unit.matchAll(/^LoadCredential=[\w-]+:(\S+)$/gm))
    assert.ok(install.includes(`$root${path}`), path)
  assert.match(install, /link \S+ "\$root\/usr\/bin\/tessera"/)
  for (const file of globSync('deploy/systemd/*', { cwd: root }).filter(file => !file.endsWith('.sh')))
    assert.ok(install.includes(`$units/${file.split('/').at(-1)}`), file)
  assert.match(readText('deploy/systemd/tessera.sysusers.conf'), /^u tessera /m)
})
