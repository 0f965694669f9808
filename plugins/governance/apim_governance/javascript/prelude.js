// What stands in a context before the function's own file. The value of this script is an object whose `load` takes
// the file as a function, and whose `call` takes and answers JSON.
(() => {
  'use strict';
  const { parse, stringify } = JSON;
  const { isArray } = Array;
  const nothing = () => {};
  globalThis.console = { debug: nothing, error: nothing, info: nothing, log: nothing, trace: nothing, warn: nothing };
  delete globalThis.Atomics;
  delete globalThis.SharedArrayBuffer;

  const declared = new WeakMap();
  const createRulesetFunction = (declaration, check) => {
    if (typeof check !== 'function') throw new TypeError('createRulesetFunction needs a declaration and a function');
    const wrapped = (...given) => check(...given);
    declared.set(wrapped, { ...declaration });
    return wrapped;
  };
  const core = { createRulesetFunction };
  core.default = core;
  const require = (name) => {
    if (name === '@stoplight/spectral-core') return core;
    throw new Error(`it imports ${stringify(name)}; a function may import createRulesetFunction of ` +
      `"@stoplight/spectral-core", and nothing else`);
  };

  let check, most, documents = { unresolved: null, resolved: null, source: null, formats: [] };

  const load = (file, results) => {
    const module = { exports: {} };
    most = results;
    file(module, module.exports, require);
    check = typeof module.exports === 'function' ? module.exports : module.exports.default;
    if (typeof check !== 'function') throw new TypeError('it has no function as its default export');
    const declaration = declared.get(check);
    return stringify(declaration === undefined ? null : declaration);
  };

  const call = (text) => {
    const asked = parse(text);
    if (asked.documents !== undefined) documents = asked.documents;
    const { unresolved, resolved, source } = documents;
    const formats = new Set(documents.formats);
    const found = check(asked.absent ? undefined : asked.input, asked.options, {
      path: asked.path,
      rule: { name: asked.rule },
      document: { data: unresolved, source, formats },
      documentInventory: { unresolved, resolved, source, formats },
    });
    if (found === undefined || found === null) return '[]';
    if (typeof found.then === 'function') throw new TypeError('it is asynchronous, which is not supported');
    if (!isArray(found)) throw new TypeError('it must answer a list of {message, path}, or nothing');
    const told = [];
    for (let at = 0; at < found.length && at < most; at += 1) {
      const { message, path } = found[at];
      told[at] = [`${message}`, path === undefined ? null : path];
    }
    return stringify(told);
  };

  return { load, call };
})();
