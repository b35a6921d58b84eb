// The way in: `npm start`, `npm test`, `npm run bench`, `npm run package`, `npm run lint` and `npm run unbootstrap` begin here.
// ES5 on purpose: an old Node must be able to read this far and be told what it lacks.
'use strict';

var fs = require('fs');

if (supported(process.versions.node)) {
  require('./bootstrap/jobs.cjs').main(process.argv.slice(2));
} else {
  console.error('encap needs Node 20.19 or newer, this is ' + process.versions.node + '.');
  console.error(adviceFor(osRelease()));
  process.exit(5);
}

// The same range as `engines` in package.json: ^20.19.0 || >=22.12.0
function supported(version) {
  var parts = version.split('.').map(Number);
  var major = parts[0];
  var minor = parts[1];
  return (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22;
}

function adviceFor(system) {
  var others = 'nodejs.org has packages; or, with nvm: nvm install 20';
  if (system.ID === 'debian' && Number(system.VERSION_ID) >= 13) return 'apt install nodejs npm';
  if (system.ID === 'debian') {
    return 'Debian ' + system.VERSION_ID + ' has an older one only: ' + others;
  }
  return others;
}

function osRelease() {
  var found = {};
  try {
    fs.readFileSync('/etc/os-release', 'utf8')
      .split('\n')
      .forEach(function (line) {
        var parts = /^(\w+)="?([^"]*)"?$/.exec(line);
        if (parts) found[parts[1]] = parts[2];
      });
  } catch (error) {
    found.ID = 'unknown'; // no os-release: the general advice fits
  }
  return found;
}
