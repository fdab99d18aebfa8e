import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');
const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
});
const pages = listed.split('\n').filter((file) => file !== '' && existsSync(join(root, file)));
const read = (file) => readFileSync(join(root, file), 'utf8');
const scripts = JSON.parse(read('package.json')).scripts;

describe('documentation', () => {
  it.each(pages)('%s links only to what exists', (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)].map(
      (match) => match[1],
    );
    const broken = links.filter((link) => !existsSync(join(root, dirname(page), link)));
    expect(broken.map((link) => `${page}: ${relative('.', link)}`)).toEqual([]);
  });

  it('leads to headings that exist', () => {
    // As GitHub makes them: lower case, no punctuation, dashes for blanks.
    const slug = (heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(' ', '-');
    const headings = (page) => [...read(page).matchAll(/^#+ (.+)$/gm)].map((match) => slug(match[1]));
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)/g)]
        .map(([, file, anchor]) => [file === '' ? page : join(dirname(page), file), anchor])
        .filter(([target, anchor]) => target.endsWith('.md') && !headings(target).includes(anchor))
        .map(([target, anchor]) => `${page}: ${target}#${anchor}`),
    );
    expect(broken).toEqual([]);
  });

  it('names only specs that exist', () => {
    const specs = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.spec.ts', '*.spec.mjs'], {
      cwd: root,
      encoding: 'utf8',
    });
    const known = new Set(specs.split('\n').map((file) => basename(file).replace(/\.(ts|mjs)$/, '')));
    const named = pages.flatMap((page) =>
      [...read(page).matchAll(/`(?:[\w./-]*\/)?([\w-]+(?:\.\w+)?\.spec)(?:\.\w+)?`/g)].map((match) => [
        page,
        match[1],
      ]),
    );
    // CONTRIBUTING.md says `x.spec.ts` for any.
    expect(named.filter(([, spec]) => !spec.startsWith('x.') && !known.has(spec))).toEqual([]);
  });

  it('names only npm scripts that exist', () => {
    const scriptsOf = (workspace) =>
      workspace === undefined ? scripts : JSON.parse(read(`node_modules/${workspace}/package.json`)).scripts;
    const named = pages.flatMap((page) =>
      [...read(page).matchAll(/npm run ([\w:-]+)(?: -w (@[\w/-]+))?/g)].map((match) => [
        page,
        match[1],
        match[2],
      ]),
    );
    expect(named.filter(([, script, workspace]) => !(script in scriptsOf(workspace)))).toEqual([]);
  });

  it('names only benches that exist', () => {
    const sources = execFileSync('git', ['ls-files', '-co', '--exclude-standard', 'bench/src'], {
      cwd: root,
      encoding: 'utf8',
    });
    const known = sources
      .split('\n')
      .filter(Boolean)
      .flatMap((file) => [...read(file).matchAll(/name: '([\w.-]+)',/g)].map((match) => match[1]));
    const named = pages.flatMap((page) =>
      [...read(page).matchAll(/npm run bench -- ([a-z][\w.-]+)/g)].map((match) => [page, match[1]]),
    );
    const measured = pages.flatMap((page) =>
      [...read(page).matchAll(/`((?:serving|gateway|eventlog|train|flow|seedling)\.[a-z-]+)`/g)].map(
        (match) => [page, match[1]],
      ),
    );
    expect([...named, ...measured].filter(([, bench]) => !known.includes(bench))).toEqual([]);
  });

  it('starts the README with the two commands that a newcomer needs', () => {
    const [first] = read('README.md').split('---');
    expect(first).toContain('npm ci && npm start');
    expect(first).toContain('npm ci && npm test');
  });

  it('names every setting of a service on its page', () => {
    const configs = execFileSync('git', ['ls-files', 'services/*/src/config.ts'], {
      cwd: root,
      encoding: 'utf8',
    });
    const unnamed = configs
      .split('\n')
      .filter(Boolean)
      .flatMap((config) => {
        const page = read(join(dirname(config), '../README.md'));
        const settings = [...read(config).matchAll(/^ {2}([A-Z][A-Z0-9_]+):/gm)].map((match) => match[1]);
        expect(settings).not.toEqual([]);
        return settings.filter((name) => !page.includes(`\`${name}\``)).map((name) => `${config}: ${name}`);
      });
    expect(unnamed).toEqual([]);
  });

  it('has a page for every service and every library of more than one idea', () => {
    const needed = ['services/*', 'libs/event-log', 'libs/onchain'].map((glob) => `${glob}/package.json`);
    const folders = execFileSync('git', ['ls-files', ...needed], { cwd: root, encoding: 'utf8' })
      .split('\n')
      .filter(Boolean)
      .map(dirname);
    expect(folders.filter((folder) => !existsSync(join(root, folder, 'README.md')))).toEqual([]);
  });
});
