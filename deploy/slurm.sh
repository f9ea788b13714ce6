#!/usr/bin/env bash
# Two machines of eight GPUs, one process a GPU:  sbatch deploy/slurm.sh
# SLURM ends the run by SIGTERM two minutes before its time is over; it saves, exits with
# 143, and is queued again, to go on from there.
#SBATCH --job-name=hourglass
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=8
# Not --gpus-per-task: every process sees all GPUs of its machine, and JAX gives it one.
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
set -uo pipefail

# Both on a file system that all machines share.
WORKDIR=${WORKDIR:-runs/hg2}
DATA=${DATA:-data/lspet}

srun --kill-on-bad-exit=1 hourglass train \
  --config configs/lspet_hg2.py \
  --workdir "$WORKDIR" \
  --data.raw-dir "$DATA" \
  --train.batch-size 256 \
  --coordinator auto
status=$?
if ((status == 143)); then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
