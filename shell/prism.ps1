# The hook of PowerShell: Invoke-Expression (prism hook powershell | Out-String) in $PROFILE.
# Harmless when evaluated twice, or in a script. The prompt function that is there already is kept.

if ([Environment]::UserInteractive -and -not (Test-Path Function:\__PrismPrompt)) {
    $global:__PrismProgram = '@PRISM@'
    $global:__PrismMissed = $false

    # Asks prism what to change, and changes it. The status that the prompt finds is brought back.
    function global:__PrismHook {
        $status = $global:LASTEXITCODE
        if (Test-Path -LiteralPath $global:__PrismProgram -PathType Leaf) {
            $global:__PrismMissed = $false
            $change = & $global:__PrismProgram hook powershell --at-prompt | Out-String
            if ($change) { Invoke-Expression $change }
        } elseif (-not $global:__PrismMissed) {
            $global:__PrismMissed = $true
            [Console]::Error.WriteLine("prism: $global:__PrismProgram is gone: the variables of this shell stay as they are")
        }
        $global:LASTEXITCODE = $status
    }

    Copy-Item Function:\prompt Function:\global:__PrismPrompt
    function global:prompt {
        __PrismHook
        __PrismPrompt
    }
}
