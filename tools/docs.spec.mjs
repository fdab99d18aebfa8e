import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

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
    expect(named.filter(([, bench]) => !known.includes(bench))).toEqual([]);
  });

  it('starts the README with the two commands that a newcomer needs', () => {
    const [first] = read('README.md').split('---');
    expect(first).toContain('npm ci && npm start');
    expect(first).toContain('npm ci && npm test');
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
