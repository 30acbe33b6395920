import { defineConfig } from 'oxlint'

/**
 * The layers of src/, lowest first. A room imports from rooms of lower layers only; rooms of one layer never import
 * each other: they meet in tables, or in a port that daemon/ wires.
 */
const layers = [
  ['model', 'expression'],
  ['platform'],
  ['ledger', 'people', 'finding', 'schedule', 'estate'],
  ['approval', 'authority', 'runbook'],
  ['plan', 'backup', 'monitor'],
  ['engine'],
  ['steps', 'peer', 'insight'],
  ['report'],
  ['api'],
  ['daemon'],
] as const

const rooms: string[] = layers.flat()
/** Rooms of the CLI's side: they know model/, and of the daemon's rooms the types. */
const frontRooms = ['client', 'terminal']
/**
 * Rooms from which a file of client/ takes more than types: small files there, without a heavy package. Everything
 * else would be loaded into every command.
 */
const lightImports: Record<string, readonly string[]> = {
  'src/client/client.ts': ['api', 'people'],
  'src/client/session.ts': ['platform'],
  'src/client/signing.ts': ['approval'],
}
/** Beside src/: nothing in src/ may know them. */
const outside = 'bin|commands|lab|test|bench|bootstrap'
/** Packages that make the CLI slow to start, or that only a daemon needs. */
const daemonPackages = [
  'pg',
  'kysely',
  'zod',
  'fastify',
  'bullmq',
  'ioredis',
  'prom-client',
  'pino',
  '@kubernetes/client-node',
]
/** The commands that work without a daemon, by name; all others speak to one through client/. */
const offlineCommands = [
  'commands/approve.ts',
  'commands/audit/verify.ts',
  'commands/config/show.ts',
  'commands/daemon.ts',
  'commands/lab/**/*.ts',
  'commands/runbook/lint.ts',
  // Of a file; of the catalogue it asks a daemon.
  'commands/runbook/show.ts',
]

/** Matches an import of one of the rooms, by alias or by a relative path. */
function importOf(names: readonly string[]): string {
  return `^(?:#|(?:\\.\\./)+(?:src/)?)(?:${names.join('|')})/`
}

type Rules = Record<string, 'error' | 'off' | ['error', ...unknown[]]>

function refuse(...patterns: { regex: string; message: string; allowTypeImports?: boolean }[]): Rules {
  return { 'no-restricted-imports': ['error', { patterns }] }
}

const notFromOutside = {
  regex: `^(?:\\.\\./)+(?:${outside})/`,
  message: 'src/ may not import what stands beside it.',
}

function layerRules() {
  return layers.flatMap((layer, height) =>
    layer.map((room) => {
      const allowed = new Set<string>([room, ...layers.slice(0, height).flat()])
      const forbidden = [...rooms.filter((name) => !allowed.has(name)), ...frontRooms]
      return {
        files: [`src/${room}/**/*.ts`],
        rules: refuse(notFromOutside, {
          regex: importOf(forbidden),
          message: `${room} is in layer ${height + 1} of ${layers.length} and imports only from lower layers (docs/architecture.md).`,
        }),
      }
    }),
  )
}

function frontRules() {
  const rule = (files: string[], light: readonly string[]) => ({
    files,
    rules: refuse(notFromOutside, {
      regex: importOf(rooms.filter((room) => room !== 'model' && !light.includes(room))),
      allowTypeImports: true,
      message:
        'The rooms of the CLI take only types from the rooms of the daemon (lightImports in oxlint.config.ts).',
    }),
  })
  return [
    rule(
      frontRooms.map((room) => `src/${room}/**/*.ts`),
      [],
    ),
    ...Object.entries(lightImports).map(([file, light]) => rule([file], light)),
  ]
}

export default defineConfig({
  plugins: ['typescript', 'unicorn', 'oxc', 'import', 'promise', 'vitest'],
  categories: { correctness: 'error' },
  options: { typeAware: true },
  ignorePatterns: ['node_modules/**', 'dist/**', 'coverage/**', 'lab/kubernetes/**'],
  rules: {
    'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' }],
    'typescript/no-explicit-any': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': [
      'error',
      { checksVoidReturn: { arguments: false, attributes: false } },
    ],
    'typescript/await-thenable': 'error',
    'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    'typescript/consistent-type-imports': ['error', { disallowTypeAnnotations: true }],
    'typescript/no-non-null-assertion': 'error',
    'import/no-default-export': 'error',
    // Spreading a literal groups the flags of one purpose on a line.
    'unicorn/no-useless-spread': 'off',
    'unicorn/no-useless-fallback-in-spread': 'off',
    // Our ports are objects of functions that do not use `this`.
    'typescript/unbound-method': 'off',
    // Code points are what the terminal's width is counted in.
    'typescript/no-misused-spread': 'off',
    'typescript/require-array-sort-compare': ['error', { ignoreStringArrays: true }],
    'no-var': 'error',
    'prefer-const': 'error',
    'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
    'max-lines-per-function': ['error', { max: 100, skipBlankLines: true, skipComments: true }],
    'vitest/no-focused-tests': 'error',
  },
  overrides: [
    ...layerRules(),
    ...frontRules(),
    {
      files: ['commands/**/*.ts'],
      rules: refuse(
        {
          regex: importOf(rooms.filter((room) => room !== 'model')),
          allowTypeImports: true,
          message:
            'A command speaks to a daemon through client/; the offline commands are listed in oxlint.config.ts.',
        },
        {
          regex: `^(?:${daemonPackages.join('|')})(?:/|$)`,
          message: 'Keep this package off the import path of the CLI.',
        },
      ),
    },
    { files: offlineCommands, rules: { 'no-restricted-imports': 'off' } as Rules },
    {
      files: ['commands/**/*.ts', '*.config.ts', 'test/support/*-setup.ts'],
      rules: { 'import/no-default-export': 'off' },
    },
    // A catalogue is one list.
    { files: ['src/model/error-catalogue.ts'], rules: { 'max-lines': 'off' } },
    {
      files: ['**/*.test.ts', 'test/**/*.ts'],
      // A describe or a table of cases is one long function, and reads well as one.
      rules: {
        'max-lines-per-function': 'off',
        'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
        'vitest/expect-expect': [
          'error',
          { assertFunctionNames: ['expect*', 'assert*', 'fc.assert', 'check*'] },
        ],
        'vitest/require-to-throw-message': 'off',
        'vitest/valid-title': 'off',
        'vitest/no-conditional-expect': 'off',
        'vitest/valid-expect': ['error', { maxArgs: 2 }],
        'vitest/no-standalone-expect': 'off',
      },
    },
  ],
})
