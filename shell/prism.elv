# The hook of elvish: eval (prism hook elvish | slurp) in rc.elv. Harmless when evaluated twice.

use path

# Asks prism what to change, and changes it.
var missed = $false
fn change {|when|
  var program = '@PRISM@'
  if (path:is-regular $program) {
    set missed = $false
    eval ((external $program) hook elvish $when | slurp)
  } elif (not $missed) {
    set missed = $true
    echo 'prism: '$program' is gone: the variables of this shell stay as they are' >&2
  }
}

# A child has another pid than the one that it inherits here.
if (not (and (has-env __PRISM_ELVISH) (eq (get-env __PRISM_ELVISH) (to-string $pid)))) {
  set-env __PRISM_ELVISH $pid
  set edit:before-readline = [$@edit:before-readline { change --at-prompt }]
  # What follows `cd` on the same line is to have the variables of where it runs.
  set after-chdir = [$@after-chdir {|_| change --at-cd }]
}
