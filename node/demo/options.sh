# The options of a demo. Sourced by run.sh and flower.sh, which have a usage() and defaults of their own.

misused() {
  echo "$0: $1" >&2
  usage >&2
  exit 2
}

# read_options MOST_ROUNDS ARGUMENT...: sets $once, $model, $rounds, $seed and $bin to what the arguments say.
read_options() {
  local most_rounds=$1
  shift
  while [ $# -gt 0 ]; do
    case $1 in
      --once) once=true; shift; continue ;;
      -h | --help) usage; exit 0 ;;
      --model | --rounds | --seed | --bin) [ $# -ge 2 ] || misused "$1 needs a value" ;;
      *) misused "unknown option $1" ;;
    esac
    case $1 in
      --model) model=$2 ;;
      --rounds) rounds=$2 ;;
      --seed) seed=$2 ;;
      --bin) bin=$2 ;;
    esac
    shift 2
  done
  case $model in mlp | logistic) ;; *) misused "--model is mlp or logistic, not $model" ;; esac
  [[ $rounds =~ ^[0-9]{1,${#most_rounds}}$ ]] && [ "$((10#$rounds))" -ge 1 ] && [ "$((10#$rounds))" -le "$most_rounds" ] ||
    misused "--rounds is 1 to $most_rounds, not $rounds"
  [[ $seed =~ ^[0-9]{1,18}$ ]] || misused "--seed is a number, not $seed"
}
