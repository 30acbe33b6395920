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
/** Rooms of the CLI's side: they know model/, and of the daemon only the types of the API's contract. */
const frontRooms = ['client', 'terminal']
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
    'no-var': 'error',
    'prefer-const': 'error',
    'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
    'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
    'vitest/no-focused-tests': 'error',
  },
  overrides: [
    ...layerRules(),
    {
      files: frontRooms.map((room) => `src/${room}/**/*.ts`),
      rules: refuse(
        notFromOutside,
        {
          regex: importOf(rooms.filter((room) => room !== 'model' && room !== 'api')),
          message: 'client and terminal import model, and the types of the contract.',
        },
        {
          regex: importOf(['api']),
          allowTypeImports: true,
          message: 'Take only types from the contract: its code would load zod into every command.',
        },
      ),
    },
    {
      files: ['commands/**/*.ts'],
      rules: refuse(
        {
          regex: importOf(rooms.filter((room) => room !== 'model')),
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
    {
      files: ['**/*.test.ts', 'test/**/*.ts'],
      // A describe or a table of cases is one long function, and reads well as one.
      rules: {
        'max-lines-per-function': 'off',
        'vitest/valid-title': 'off',
        'vitest/no-standalone-expect': 'off',
      },
    },
  ],
})
