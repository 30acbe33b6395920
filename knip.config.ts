import type { KnipConfig } from 'knip'

export default {
  entry: [
    'bin/*.ts',
    'commands/**/*.ts',
    'bootstrap/{setup,drill,test,tool,check,hygiene,count,clean,kubernetes-build}.mjs',
    'bench/{main,peers/host}.ts',
    'docs/generate/main.ts',
    'lab/drill/drill.ts',
    'test/support/step-in-site.ts',
    'test/chaos/main.ts',
    'lab/services/*/main.ts',
    'test/support/*-setup.ts',
    '**/*.test.ts',
  ],
  project: ['{bin,commands,src,lab,test,bench,bootstrap,docs}/**/*.{ts,mjs}', '*.ts'],
  // Programs of Debian's packages.
  ignoreBinaries: ['openssl', 'ssh-keygen', 'setpriv', 'strace', 'unshare'],
  // A type beside an exported function is a part of its contract, used or not.
  exclude: ['types'],
  treatConfigHintsAsErrors: false,
  ignoreExportsUsedInFile: true,
} satisfies KnipConfig
